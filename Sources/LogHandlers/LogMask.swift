import Logging

/// Hides metadata whose names say that it is secret, in dictionaries and lists too.
enum LogMask {
    static let mask = "********"
    private static let words = [
        "password", "passwd", "secret", "token", "apikey", "authorization", "credential", "privatekey", "cookie",
    ]

    static func masked(_ metadata: Logger.Metadata) -> [(key: String, value: Logger.MetadataValue)] {
        metadata.sorted { $0.key < $1.key }.map { ($0.key, isSecret($0.key) ? .string(mask) : masked($0.value)) }
    }

    private static func masked(_ value: Logger.MetadataValue) -> Logger.MetadataValue {
        switch value {
        case .dictionary(let inner):
            .dictionary(Dictionary(uniqueKeysWithValues: masked(inner).map { ($0.key, $0.value) }))
        case .array(let values): .array(values.map { masked($0) })
        default: value
        }
    }

    /// Whether a name, however it is spelled, is that of a secret: `api-key`, `API_KEY`, `sasl.password`.
    static func isSecret(_ name: String) -> Bool {
        let letters = name.lowercased().filter { $0.isLetter }
        return words.contains { letters.contains($0) }
    }
}
