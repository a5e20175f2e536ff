import Codecs
import Dataflow

/// Tells queries apart: state belongs to one query, at whatever parallelism.
public enum GraphFingerprint {
    /// The fingerprint of a graph: its operators and tables, but for what says how to get to them.
    public static func value(_ graph: DataflowGraph, _ connectors: ConnectorCatalog) -> UInt64 {
        var text = ""
        for node in graph.nodes {
            text += "\(node.id) \(node.description)\n"
            switch node.spec {
            case .source(let spec), .sink(let spec):
                let connector = connectors[spec.connector]
                for (key, value) in spec.options.sorted(by: { $0.key < $1.key })
                where connector?.isAccess(option: key) != true {
                    text += " \(key)=\(value.text)\n"
                }
            default: break
            }
        }
        for edge in graph.edges { text += "\(edge.from)>\(edge.to).\(edge.input)\n" }
        return XXHash64.hash(Array(text.utf8))
    }
}
