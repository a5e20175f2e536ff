import HTTPTypes
import Columnar
import ControlPlane
import Formats
import JSONModel

/// The route that runs a query and answers with its rows.
enum QueryRoutes {
    static let limitRange: ClosedRange<Int64> = 1...Int64(APILimit.queryRows.defaultValue)
    private static let limitDefault: Int64 = 1000

    static let run = Route(
        method: .post, path: "/query", operation: "runQuery", tag: "Queries", summary: "Run a bounded query",
        details: "Answers when the query has ended or has given as many rows as the limit; as an Arrow stream for "
            + "`Accept: \(MediaType.arrowStream)`.",
        body: .init(schema: .reference("QueryPost"), example: ["query": "SELECT 1 AS one"]),
        answers: [
            (MediaType.json, .reference("QueryResult")), (MediaType.arrowStream, .string("An Arrow IPC stream.")),
        ], failures: [409], endsWithClient: true
    ) { call in
        let body = try call.json()
        let query = try body.query(call.services)
        let rowsMax = Int64(call.services.limits[.queryRows])
        let limit = try body.optional("limit")?.integer(in: 1...rowsMax) ?? min(limitDefault, rowsMax)
        return try await PipelineRoutes.explainingQuery(query) {
            let result = try await call.services.pipelines.run(query: query, limit: Int(limit))
            if call.accepts(MediaType.arrowStream) {
                let bytes = try ArrowStreamWriter.stream(result.batches, schema: result.schema)
                return .bytes(bytes, mediaType: MediaType.arrowStream)
            }
            return .bytes(json(result.schema, result.batches, limit: Int(limit)), mediaType: MediaType.json)
        }
    }

    /// The rows as JSON text, written straight from the columns.
    static func json(_ schema: Schema, _ batches: [RecordBatch], limit: Int) -> [UInt8] {
        var options = FormatOptions()
        options.includesNulls = true
        let encoder = JSONRecordEncoder(schema: schema, options: options)
        var output = TextBuffer()
        for batch in batches { encoder.encode(batch, into: &output) }
        let columns = schema.fields.map { ColumnInfo(name: $0.name, type: $0.type.sqlName, isNullable: $0.isNullable) }
        let rowCount = batches.reduce(0) { $0 + $1.rowCount }
        var bytes = Array("{\"schema\":".utf8) + PipelineObject.columns(columns).utf8() + Array(",\"rows\":[".utf8)
        bytes.reserveCapacity(bytes.count + output.count + 64)
        // Each row is one line, as JSON texts hold no bare line ends; the last line end is no comma.
        let rows = output.bytes.dropLast(output.isEmpty ? 0 : 1)
        bytes += rows.lazy.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: ",") : $0 }
        bytes += Array("],\"has_more\":\(rowCount >= limit)}".utf8)
        return bytes
    }
}
