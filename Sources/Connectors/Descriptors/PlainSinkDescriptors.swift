import Dataflow
import JSONModel

/// Sinks without settings.
extension ConnectorDescriptor {
    private static func plain(
        _ id: String, _ name: String, _ summary: String, icon: String
    ) -> ConnectorDescriptor {
        var descriptor = ConnectorDescriptor(
            id, name, summary, icon: icon, roles: [.sink],
            table: ConfigShape(
                ConfigSchema.document("\(name) table", ConfigSchema.record("It has no settings", [])),
                role: .fixed(.sink)))
        descriptor.isEnabled = true
        return descriptor
    }

    static let stdout = plain(
        "stdout", "StdOut", "Prints rows to the standard output of the server.",
        icon: "<path d=\"m4 7 5 5-5 5M12 17h8\"/>")

    static let blackhole = plain(
        "blackhole", "Blackhole", "Swallows rows, for measuring.",
        icon: "<circle cx=\"12\" cy=\"12\" r=\"4\"/><path d=\"M3 12a9 9 0 0 1 9-9m9 9a9 9 0 0 1-9 9\"/>")

    static let preview: ConnectorDescriptor = {
        var preview = plain(
            "preview", "Preview", "Shows rows to those who follow the pipeline's output.",
            icon: "<path d=\"M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z\"/><circle cx=\"12\" cy=\"12\" r=\"3\"/>")
        preview.hasCustomSchemas = false
        preview.isHidden = true
        return preview
    }()
}
