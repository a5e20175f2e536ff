import ControlPlane
import JSONModel
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

    /// What the button says, would ask for, and whether the job moves: when it is to run, and when it is to stop.
    static let rows: [(JobState, run: PipelineAction, stop: PipelineAction)] = [
        (.created, .init("Stop", .checkpoint, inProgress: true), .init("Start", JobStopMode.none, inProgress: false)),
        (.compiling, .init("Stop", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        (.scheduling, .init("Stop", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        // The API's document says "Running" here, where the tables it goes back to say "Stop".
        (.running, .init("Running", .checkpoint, inProgress: false), .init("Stopping", nil, inProgress: true)),
        (.rescaling, .init("Stop", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        (.restarting, .init("Stop", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        (.recovering, .init("Stop", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        (
            .checkpointStopping, .init("Force Stop", .immediate, inProgress: true),
            .init("Force Stop", .immediate, inProgress: true)
        ),
        (.stopping, .init("Stopping", .checkpoint, inProgress: true), .init("Stopping", nil, inProgress: true)),
        (.stopped, .init("Starting", nil, inProgress: true), .init("Start", JobStopMode.none, inProgress: false)),
        (.finishing, .init("Finishing", nil, inProgress: true), .init("Finishing", nil, inProgress: true)),
        (.failing, .init("Failing", nil, inProgress: true), .init("Failing", nil, inProgress: true)),
        (.finished, .init("Finished", nil, inProgress: false), .init("Finished", nil, inProgress: false)),
        (.failed, .init("Failed", nil, inProgress: false), .init("Start", JobStopMode.none, inProgress: false)),
    ]

    @Test("every state has its button, as it is shown in the pipeline's object")
    func everyRow() throws {
        #expect(Set(Self.rows.map(\.0)) == Set(JobState.allCases))
        for (state, run, stop) in Self.rows {
            for mode in JobStopMode.allCases {
                let pipeline = PipelineInfo(
                    id: "pl_1", name: "p", query: "SELECT 1", parallelism: 1, checkpointIntervalMicros: 10_000_000,
                    stop: mode, createdAt: 1, isPreview: false, graph: GraphInfo(nodes: [], edges: []), jobID: "job_1",
                    state: state)
                let object = PipelineObject.json(pipeline)
                let expected = mode == .none ? run : stop
                #expect(object["actionText"] == .string(expected.text), "\(state), stop \(mode)")
                #expect(object["action"] == (expected.next.map { .string($0.rawValue) } ?? .null), "\(state) \(mode)")
                #expect(object["actionInProgress"] == .bool(expected.isInProgress), "\(state), stop \(mode)")
                #expect(object["stop"] == .string(mode.rawValue) && object["state"] == .string(state.rawValue))
            }
        }
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
