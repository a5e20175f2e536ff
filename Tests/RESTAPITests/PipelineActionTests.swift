import ControlPlane
import Testing

@testable import RESTAPI

/// The button beside a pipeline, and dates of answers.
struct PipelineActionTests {
    @Test("a button offers what makes sense next")
    func buttonsMakeSense() {
        #expect(PipelineAction(state: .running, isRunDesired: true) == .init("Running", .checkpoint, inProgress: false))
        #expect(PipelineAction(state: .running, isRunDesired: false) == .init("Stopping", nil, inProgress: true))
        #expect(
            PipelineAction(state: .stopped, isRunDesired: false) == .init("Start", JobStopMode.none, inProgress: false))
        #expect(
            PipelineAction(state: .failed, isRunDesired: false) == .init("Start", JobStopMode.none, inProgress: false))
        #expect(
            PipelineAction(state: .checkpointStopping, isRunDesired: true)
                == .init("Force Stop", .immediate, inProgress: true))
        #expect(PipelineAction(state: .finishing, isRunDesired: true) == .init("Finishing", nil, inProgress: true))
    }

    @Test("a job at rest that is to rest is not about to change", arguments: JobState.allCases)
    func restIsRest(state: JobState) {
        let action = PipelineAction(state: state, isRunDesired: false)
        let rests = state.isTerminal || state == .created
        #expect(action.isInProgress == !rests)
    }

    @Test(
        "dates are those of HTTP",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        ])
    func datesAreThoseOfHTTP(seconds: Int, text: String) {
        #expect(HTTPDate.text(secondsSince1970: Int64(seconds)) == text)
    }
}
