import Dataflow
import Engine
import JSONModel
import Planner
import SQLSyntax

/// The JSON in the columns of the database: short keys, as there is one for each pipeline of a list. What cannot be
/// read counts as empty: only this program writes it.
enum StoredJSON {
    static func text(_ tags: [String: String]) -> String {
        JSONValue.object(
            JSONObject(tags.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })
        ).text()
    }

    static func tags(_ text: String) -> [String: String] {
        if text == "{}" { return [:] }
        let members = (try? JSONParser.parse(text))?.object?.members ?? []
        return Dictionary(members.map { ($0.key, $0.value.string ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Graphs

    static func text(_ graph: GraphInfo) -> String {
        let nodes = graph.nodes.map { node -> JSONValue in
            [
                "id": JSONValue(node.nodeID), "op": .string(node.operator), "text": .string(node.description),
                "p": JSONValue(node.parallelism), "cols": columns(node.schema), "state": JSONValue(node.state),
            ]
        }
        // Most edges carry what their source gives: that is not said twice.
        let schemas = Dictionary(graph.nodes.map { ($0.nodeID, $0.schema) }, uniquingKeysWith: { first, _ in first })
        let edges = graph.edges.map { edge -> JSONValue in
            var object: JSONValue = [
                "from": JSONValue(edge.source), "to": JSONValue(edge.destination), "kind": .string(edge.kind.rawValue),
            ]
            if edge.schema != schemas[edge.source], case .object(var members) = object {
                members["cols"] = columns(edge.schema)
                object = .object(members)
            }
            return object
        }
        let whole: JSONValue = ["nodes": .array(nodes), "edges": .array(edges)]
        return whole.text()
    }

    private static func columns(_ columns: [ColumnInfo]) -> JSONValue {
        .array(columns.map { .array([.string($0.name), .string($0.type), .bool($0.isNullable)]) })
    }

    static func graph(_ text: String) -> GraphInfo {
        guard let value = try? JSONParser.parse(text) else { return GraphInfo(nodes: [], edges: []) }
        let nodes = (value["nodes"]?.array ?? []).map { node in
            GraphInfo.Node(
                nodeID: integer(node["id"]), operator: node["op"]?.string ?? "",
                description: node["text"]?.string ?? "",
                parallelism: integer(node["p"]), schema: columns(node["cols"]), state: node["state"]?.string)
        }
        let schemas = Dictionary(nodes.map { ($0.nodeID, $0.schema) }, uniquingKeysWith: { first, _ in first })
        let edges = (value["edges"]?.array ?? []).map { edge in
            let source = integer(edge["from"])
            return GraphInfo.Edge(
                source: source, destination: integer(edge["to"]),
                kind: edge["kind"]?.string.flatMap(GraphInfo.Edge.Kind.init) ?? .forward,
                schema: edge["cols"].map(columns) ?? schemas[source] ?? [])
        }
        return GraphInfo(nodes: nodes, edges: edges)
    }

    private static func columns(_ value: JSONValue?) -> [ColumnInfo] {
        (value?.array ?? []).map { column in
            ColumnInfo(
                name: column[0]?.string ?? "", type: column[1]?.string ?? "", isNullable: column[2]?.bool ?? true)
        }
    }

    private static func integer(_ value: JSONValue?) -> Int { Int(value?.integer ?? 0) }

    // MARK: Diagnostics

    static func text(_ diagnostics: [Diagnostic]) -> String {
        JSONValue.array(
            diagnostics.map { diagnostic in
                [
                    "code": .string(diagnostic.code), "severity": .string(diagnostic.severity.rawValue),
                    "message": .string(diagnostic.message), "hint": JSONValue(diagnostic.hint),
                    "span": diagnostic.span.map { .array([JSONValue($0.start), JSONValue($0.end)]) } ?? .null,
                ]
            }
        ).text()
    }

    static func diagnostics(_ text: String) -> [Diagnostic] {
        if text == "[]" { return [] }
        return ((try? JSONParser.parse(text))?.array ?? []).map { value in
            let start = value["span"]?[0]?.integer
            let end = value["span"]?[1]?.integer
            return Diagnostic(
                value["code"]?.string ?? "", value["message"]?.string ?? "",
                span: start.flatMap { start in end.map { SourceSpan(Int(start), Int($0)) } },
                hint: value["hint"]?.string,
                severity: value["severity"]?.string.flatMap(Diagnostic.Severity.init) ?? .warning)
        }
    }

    // MARK: Definitions

    static func text(_ definitions: OutsideDefinitions) -> String {
        JSONValue.array(
            definitions.found.map { entry in
                let options = entry.options.sorted { $0.key < $1.key }
                return [
                    "connector": .string(entry.connector), "place": .string(entry.place),
                    "options": .object(JSONObject(options.map { .init(key: $0.key, value: .string($0.value.text)) })),
                ]
            }
        ).text()
    }

    static func definitions(_ text: String) -> OutsideDefinitions {
        var result = OutsideDefinitions()
        if text == "[]" { return result }
        for value in (try? JSONParser.parse(text))?.array ?? [] {
            let members = value["options"]?.object?.members ?? []
            let options = members.map { ($0.key, OptionValue.string($0.value.string ?? "")) }
            result[value["connector"]?.string ?? "", value["place"]?.string ?? ""] = .found(
                Dictionary(options, uniquingKeysWith: { first, _ in first }))
        }
        return result
    }

    // MARK: Checkpoints

    static func text(_ spans: [CheckpointRecord.Span]) -> String {
        JSONValue.array(
            spans.map { span in
                .array([
                    JSONValue(span.taskID), .array(span.nodes.map { JSONValue($0) }), JSONValue(span.subtask),
                    .integer(span.alignmentStart), .integer(span.syncStart), .integer(span.syncEnd),
                    JSONValue(span.asyncEnd), JSONValue(span.committedTime),
                    .array(span.nodeBytes.map { JSONValue($0) }),
                ])
            }
        ).text()
    }

    static func spans(_ text: String) -> [CheckpointRecord.Span] {
        ((try? JSONParser.parse(text))?.array ?? []).map { value in
            var span = CheckpointRecord.Span(
                taskID: integer(value[0]), nodes: (value[1]?.array ?? []).map { integer($0) },
                subtask: integer(value[2]), alignmentStart: value[3]?.integer ?? 0, syncStart: value[4]?.integer ?? 0,
                syncEnd: value[5]?.integer ?? 0)
            span.asyncEnd = value[6]?.integer
            span.committedTime = value[7]?.integer
            // Earlier versions noted one number for all nodes of a task.
            span.nodeBytes = value[8]?.array.map { $0.map { integer($0) } } ?? [integer(value[8])]
            return span
        }
    }
}
