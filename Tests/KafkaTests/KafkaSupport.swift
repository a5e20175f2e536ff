import Columnar
import Connectors
import Dataflow
import Foundation
import HostSystem
import State
import TestKit
import Testing

func context(_ subtask: Int = 0, of parallelism: Int = 1, metrics: OperatorMetrics = OperatorMetrics())
    -> OperatorContext
{
    OperatorContext(
        nodeID: 1, subtask: subtask, parallelism: parallelism, clock: SystemWallClock(), metrics: metrics,
        isCheckpointed: true)
}

/// Options of a table over a broker, in addition to those given.
func options(_ broker: any KafkaAddress, _ topic: String, _ more: [String: String]) -> [String: OptionValue] {
    var options = ["bootstrap_servers": broker.servers, "topic": topic]
    options.merge(more) { $1 }
    return options.mapValues { .string($0) }
}

/// Where clients are sent first.
protocol KafkaAddress {
    var servers: String { get }
}

extension KafkaBroker: KafkaAddress {}

let idSchema = Schema([Field("id", .int64)])

func makeSource(
    _ broker: any KafkaAddress, _ topic: String, _ more: [String: String] = ["source.offset": "earliest"],
    schema: Schema = idSchema, metadata: [Int: String] = [:], context: OperatorContext = context(),
    connector: KafkaConnector = KafkaConnector()
) throws -> any SourceOperator {
    let spec = ConnectorSpec(
        connector: "kafka", table: "t", options: options(broker, topic, more), schema: schema, metadata: metadata)
    return try connector.makeSource(spec, context: context)
}

func makeSink(
    _ broker: any KafkaAddress, _ topic: String, _ more: [String: String] = [:], schema: Schema = idSchema,
    key: [Int]? = nil, metadata: [Int: String] = [:], context: OperatorContext = context()
) throws -> any SinkOperator {
    let spec = ConnectorSpec(
        connector: "kafka", table: "t", options: options(broker, topic, more), schema: schema, key: key,
        metadata: metadata)
    return try KafkaConnector().makeSink(spec, context: context)
}

/// Reads until there are so many rows, or for at most some seconds; then a little longer, for what should not be there.
func rows(_ source: any SourceOperator, _ count: Int, seconds: Double = 15) async throws -> [String] {
    var found: [String] = []
    let limit = Date().addingTimeInterval(seconds)
    var extra = 20
    while Date() < limit, found.count < count || extra > 0 {
        switch try await source.read(rowLimit: 1000) {
        case .batch(let batch): found += BatchBuilder.lines(batch)
        case .idle:
            if found.count >= count { extra -= 1 }
            usleep(5000)
        case .endOfData: return found
        }
    }
    return found
}

/// Starts, reads and closes.
func readOnce(_ source: any SourceOperator, _ count: Int, seconds: Double = 15) async throws -> [String] {
    do {
        try await source.onStart()
        let found = try await rows(source, count, seconds: seconds)
        await source.onClose()
        return found
    } catch {
        await source.onClose()
        throw error
    }
}

func ids(_ numbers: [Int64]) -> RecordBatch {
    RecordBatch(
        schema: idSchema,
        columns: [Column(type: .int64, count: numbers.count, values: .copying(numbers))], rowCount: numbers.count)
}

/// The message of what `body` throws.
func message(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return "no error"
    } catch let error as OptionError {
        return error.message
    } catch {
        return "\(error)"
    }
}
