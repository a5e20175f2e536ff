import Testing
@testable import RESTAPI
