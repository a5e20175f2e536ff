import Testing
@testable import APIClient
