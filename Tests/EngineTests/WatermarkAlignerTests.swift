import Dataflow
import Testing

@testable import Engine

struct WatermarkAlignerTests {
    @Test("the watermark is the minimum over the channels and never goes back")
    func minimumOverChannels() {
        var aligner = WatermarkAlignerStateMachine(inputs: [0, 0, 1])
        #expect(aligner.watermark(.time(10), on: 0).advance == nil)
        #expect(aligner.watermark(.time(20), on: 1).advance == nil)
        #expect(aligner.watermark(.time(5), on: 2).advance == 5)
        #expect(aligner.watermark(.time(15), on: 2).advance == 10)
        #expect(aligner.watermark(.time(7), on: 0) == .init())
        #expect(aligner.watermark(.time(30), on: 0).advance == 15)
    }

    @Test("idle channels hold nobody back; when all are idle that is told once")
    func idleChannels() {
        var aligner = WatermarkAlignerStateMachine(inputs: [0, 0])
        _ = aligner.watermark(.time(10), on: 0)
        #expect(aligner.watermark(.idle, on: 1).advance == 10)
        #expect(aligner.watermark(.idle, on: 0).becameIdle)
        #expect(aligner.watermark(.idle, on: 0) == .init())
        #expect(aligner.rows(on: 1).becameActive)
        #expect(aligner.watermark(.time(12), on: 1).advance == 12)
        #expect(aligner.watermark(.time(11), on: 0) == .init(), "a channel behind the minimum comes back")
        #expect(aligner.watermark(.time(20), on: 1).advance == nil, "and holds the others back")
        #expect(aligner.watermark(.time(14), on: 0).advance == 14)
    }

    @Test("a channel at the end of time holds nobody back but does not close what idle ones may still send")
    func endOfTime() {
        var aligner = WatermarkAlignerStateMachine(inputs: [0, 1])
        _ = aligner.watermark(.time(3), on: 0)
        #expect(aligner.watermark(.idle, on: 1).advance == 3)
        let outcome = aligner.watermark(.end, on: 0)
        #expect(outcome == .init(becameIdle: true))
        #expect(aligner.end(of: 0).endedInput == 0)
        #expect(aligner.watermark(.time(50), on: 1) == .init(advance: 50, becameActive: true))
        #expect(!aligner.reachedEndOfTime)
        _ = aligner.watermark(.end, on: 1)
        #expect(aligner.end(of: 1) == .init(endedInput: 1, isFinished: true))
        #expect(aligner.reachedEndOfTime)
    }

    @Test("a channel cut off before the end of time holds the rest back")
    func stoppedChannel() {
        var aligner = WatermarkAlignerStateMachine(inputs: [0, 0])
        _ = aligner.watermark(.time(4), on: 0)
        _ = aligner.watermark(.time(4), on: 1)
        #expect(aligner.end(of: 0) == .init())
        #expect(aligner.end(of: 0) == .init(), "a second end changes nothing")
        #expect(aligner.watermark(.time(9), on: 1).advance == nil)
        #expect(aligner.end(of: 1) == .init(endedInput: 0, isFinished: true))
        #expect(!aligner.reachedEndOfTime)
    }

    @Test("random events agree with a direct computation", arguments: 1...200)
    func randomEvents(seed: Int) {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let channelCount = numbers.next(1..<5)
        var aligner = WatermarkAlignerStateMachine(inputs: (0..<channelCount).map { $0 % 2 })
        var marks = Array(repeating: Int64.min, count: channelCount)
        var idle = Array(repeating: false, count: channelCount)
        var told = Int64.min
        var toldIdle = false
        for step in 0..<200 {
            let channel = numbers.next(0..<channelCount)
            let outcome: WatermarkAlignerStateMachine.Outcome
            switch numbers.next(0..<10) {
            case 0, 1:
                idle[channel] = true
                outcome = aligner.watermark(.idle, on: channel)
            case 2:
                idle[channel] = false
                outcome = aligner.rows(on: channel)
            default:
                let time = Int64(numbers.next(0..<(step + 10)))
                marks[channel] = max(marks[channel], time)
                idle[channel] = false
                outcome = aligner.watermark(.time(time), on: channel)
            }
            let active = (0..<channelCount).filter { !idle[$0] }.map { marks[$0] }
            let expected = active.min().flatMap { $0 > told ? $0 : nil }
            #expect(outcome.advance == expected, "seed \(seed), step \(step)")
            if let expected { told = expected }
            #expect(outcome.becameIdle == (active.isEmpty && !toldIdle), "seed \(seed), step \(step)")
            #expect(outcome.becameActive == (!active.isEmpty && toldIdle), "seed \(seed), step \(step)")
            toldIdle = active.isEmpty
        }
    }
}
