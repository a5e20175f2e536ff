import Columnar
import Connectors
import Dataflow
import Foundation
import State
import Synchronization
import TestKit
import Testing

/// Transactions that go wrong between the client and a real broker, counted by an independent reader of committed
/// records.
@Suite(.serialized, .disabled(if: KafkaBroker.isMissing, "no broker is installed"))
struct KafkaCommitFaultTests {
    static let exactly = ["sink.commit_mode": "exactly_once"]

    struct Fault: CustomTestStringConvertible {
        var request: KafkaProxy.Request
        var rule: String
        /// Whether the sink gets over it by itself; otherwise the job starts again. Nil: it may do either.
        var isMended: Bool?

        var testDescription: String { "\(request) \(rule)" }
    }

    /// Codes: 14 the coordinator is loading, 15 there is none, 16 it has moved, 45 sequence numbers do not fit, 47 the
    /// epoch is not known, 48 the state of the transaction does not allow it, 51 another one is being ended, 59 the
    /// producer is not known, 90 fenced.
    static let faults: [Fault] = [
        Fault(request: .endTransaction, rule: "cut-after", isMended: nil),
        Fault(request: .endTransaction, rule: "cut-before", isMended: true),
        Fault(request: .endTransaction, rule: "fail&code=16&asks=0", isMended: true),
        Fault(request: .endTransaction, rule: "fail&code=15&asks=0&times=2", isMended: true),
        Fault(request: .endTransaction, rule: "fail&code=14&asks=0&times=3", isMended: true),
        Fault(request: .endTransaction, rule: "fail&code=51&asks=0&times=2", isMended: true),
        // The answer is lost on the way, and what comes in its place is wrong: the outcome is in doubt.
        Fault(request: .endTransaction, rule: "fail&code=16", isMended: nil),
        Fault(request: .endTransaction, rule: "fail&code=47", isMended: false),
        Fault(request: .endTransaction, rule: "fail&code=48&asks=0", isMended: nil),
        Fault(request: .endTransaction, rule: "fail&code=90&asks=0", isMended: false),
        Fault(request: .addOffsets, rule: "cut-after", isMended: true),
        Fault(request: .addOffsets, rule: "fail&code=16&asks=0", isMended: true),
        Fault(request: .commitOffsets, rule: "cut-after", isMended: true),
        Fault(request: .commitOffsets, rule: "fail&code=14", isMended: true),
        Fault(request: .addPartitions, rule: "cut-after", isMended: true),
        Fault(request: .addPartitions, rule: "fail&code=51", isMended: true),
        Fault(request: .produce, rule: "cut-after", isMended: true),
        Fault(request: .produce, rule: "cut-before", isMended: true),
        Fault(request: .produce, rule: "fail&code=59", isMended: nil),
        Fault(request: .produce, rule: "fail&code=45", isMended: nil),
        Fault(request: .produce, rule: "fail&code=47", isMended: nil),
        Fault(request: .initProducer, rule: "cut-after", isMended: nil),
        Fault(request: .initProducer, rule: "fail&code=51&asks=0&times=2", isMended: nil),
    ]

    @Test(
        "an epoch's rows come once, whatever request goes wrong; a job that ends goes on from its checkpoint",
        arguments: faults)
    func fault(_ fault: Fault) async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker)
        let topic = try broker.makeTopic(2)
        var sink = try makeSink(proxy, topic, Self.exactly)
        if fault.request == .initProducer { try proxy.rule(fault.request, fault.rule) }
        try await sink.onStart()
        try await sink.write(ids([1, 2]))
        _ = try await sink.prepare(epoch: 1)
        try await sink.commit(epoch: 1)
        if fault.request != .initProducer { try proxy.rule(fault.request, fault.rule) }
        var restarts = 0
        var tables: [StateTable] = []
        do {
            // The first goes into a transaction at once.
            try await sink.write(ids([3]))
            try await sink.write(ids([4]))
            tables = try await sink.prepare(epoch: 2).tables
            try await sink.write(ids([5]))
            try await sink.commit(epoch: 2)
        } catch {
            #expect(!tables.isEmpty, "\(error)")
            restarts += 1
            sink = try makeSink(proxy, topic, Self.exactly)
            try sink.restore(RestoredState(tables))
            try await sink.onStart()
            try await sink.commit(epoch: 2)
            try await sink.write(ids([5]))
        }
        if let isMended = fault.isMended { #expect((restarts == 0) == isMended, "\(restarts) restarts") }
        _ = try await sink.prepare(epoch: 3)
        try await sink.commit(epoch: 3)
        let found = try broker.records(topic).compactMap(\.value).sorted()
        #expect(found == (1...5).map { #"{"id":\#($0)}"# })
    }

    @Test(
        "a process that is cut off in the middle of a commit, is replaced, and comes back",
        arguments: ["cut-before", "cut-after"])
    func inDoubt(rule: String) async throws {
        let broker = try KafkaBroker()
        let proxy = try KafkaProxy(broker)
        let topic = try broker.makeTopic(2)
        let former = try makeSink(proxy, topic, Self.exactly)
        try await former.onStart()
        try await former.write(ids([1]))
        _ = try await former.prepare(epoch: 1)
        try await former.commit(epoch: 1)
        try await former.write(ids([2, 3]))
        let tables = try await former.prepare(epoch: 2).tables
        try proxy.rule(.endTransaction, rule)
        // Only the request to end the transaction comes through, or not even that.
        let text = Mutex("")
        let box = SinkBox(former)
        let commit = Task.detached {
            let found = await message { try await box.sink.commit(epoch: 2) }
            text.withLock { $0 = found }
        }
        try await Task.sleep(for: .milliseconds(300))
        try proxy.order("refuse?on=1")
        try proxy.order("cut")
        let next = try makeSink(broker, topic, Self.exactly)
        try next.restore(RestoredState(tables))
        try await next.onStart()
        try await next.commit(epoch: 2)
        try await next.write(ids([4]))
        _ = try await next.prepare(epoch: 3)
        try await next.commit(epoch: 3)
        try proxy.order("refuse?on=0")
        await commit.value
        // The former self may have had its answer before it was cut off; it can do nothing any more.
        _ = await message {
            try await former.write(ids([99]))
            _ = try await former.prepare(epoch: 3)
            try await former.commit(epoch: 3)
        }
        let found = try broker.records(topic).compactMap(\.value).sorted()
        #expect(found == (1...4).map { #"{"id":\#($0)}"# }, "the former self: \(text.withLock { $0 })")
    }

    /// Carries a sink to a task; the test lets only one at a time have it.
    // Unchecked because the caller waits for the task before it goes on with the sink.
    final class SinkBox: @unchecked Sendable {
        let sink: any SinkOperator
        init(_ sink: any SinkOperator) { self.sink = sink }
    }

    /// The broker at hand forgets open transactions when it restarts, as others do not, so that none is open here.
    @Test("a broker that restarts between two transactions loses nothing, and the sink goes on by itself")
    func brokerRestart() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(2)
        let metrics = OperatorMetrics()
        let sink = try makeSink(broker, topic, Self.exactly, context: context(metrics: metrics))
        try await sink.onStart()
        for epoch in 1...4 {
            try await sink.write(ids([Int64(epoch)]))
            _ = try await sink.prepare(epoch: epoch)
            try await sink.commit(epoch: epoch)
            if epoch == 4 { break }
            broker.stop()
            try broker.start()
        }
        try await sink.flush()
        let found = try broker.records(topic).compactMap(\.value).sorted()
        #expect(found == (1...4).map { #"{"id":\#($0)}"# })
        #expect(metrics.externalErrors.load(ordering: .relaxed) > 0)
        #expect(metrics.commitNanos.load(ordering: .relaxed) > 0)
    }

    @Test("a transaction is not kept open longer than brokers allow, nor after its sink has gone")
    func openTransactions() async throws {
        let broker = try KafkaBroker()
        let topic = try broker.makeTopic(1)
        let more = Self.exactly.merging(["client_configs": "transaction.timeout.ms=10000"]) { $1 }
        var sink: (any SinkOperator)? = try makeSink(broker, topic, more)
        try await sink?.onStart()
        try await sink?.write(ids([1]))
        _ = try await sink?.prepare(epoch: 1)
        try await sink?.commit(epoch: 1)
        try await sink?.write(ids([2]))
        try await sink?.flush()
        try broker.tool("lines", topic, input: #""{\"id\":10}""# + "\n")
        // What others have written waits behind it.
        #expect(try broker.records(topic).count == 1)
        // Half of the time allowed is over.
        try await Task.sleep(for: .milliseconds(5200))
        try await sink?.flush()
        #expect(try broker.records(topic).count == 2)
        try await sink?.write(ids([3]))
        let tables = try #require(try await sink?.prepare(epoch: 2)).tables
        try await sink?.commit(epoch: 2)
        #expect(try broker.records(topic).count == 4)
        try await sink?.write(ids([4]))
        try await sink?.flush()
        try broker.tool("lines", topic, input: #""{\"id\":11}""# + "\n")
        sink = nil
        for _ in 0..<50 where try broker.records(topic).count < 5 { try await Task.sleep(for: .milliseconds(100)) }
        #expect(try broker.records(topic).compactMap(\.value).count == 5)
        #expect(!tables.isEmpty)
    }
}
