import TOMLKit
import Yams

/// A file of settings as keys and what stands behind them.
struct SettingsFile: Sendable {
    struct Entry: Sendable, Hashable {
        /// Levels joined by points.
        var key: String
        var input: SettingInput
        /// From 1; nil when it is not known.
        var line: Int?
    }

    let path: String
    let entries: [Entry]

    /// Reads a text by the ending of its path: `.yaml` and `.yml` are YAML, all others TOML.
    /// Errors: a text that is neither, with its place.
    init(path: String, text: String) throws(SettingsError) {
        self.path = path
        let isYAML = path.hasSuffix(".yaml") || path.hasSuffix(".yml")
        entries = isYAML ? try YAMLSettings.entries(text, path) : try TOMLSettings.entries(text, path)
    }

    /// Where an entry stands.
    func place(_ entry: Entry) -> String { path + (entry.line.map { ":\($0)" } ?? "") }
}

/// Settings written in TOML.
private enum TOMLSettings {
    static func entries(_ text: String, _ path: String) throws(SettingsError) -> [SettingsFile.Entry] {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw SettingsError(["\(path):\(error.source.begin.line): not TOML: \(error.description)"])
        } catch {
            throw SettingsError(["\(path): not TOML: \(error)"])
        }
        let lines = lines(of: text)
        var entries: [SettingsFile.Entry] = []
        collect(table, prefix: "", into: &entries)
        for index in entries.indices { entries[index].line = lines[entries[index].key] }
        return entries.sorted { ($0.line ?? .max, $0.key) < ($1.line ?? .max, $1.key) }
    }

    private static func collect(_ table: TOMLTable, prefix: String, into entries: inout [SettingsFile.Entry]) {
        for key in table.keys {
            guard let value = table[key]?.tomlValue else { continue }
            let path = prefix + key
            if let inner = value.table {
                collect(inner, prefix: path + ".", into: &entries)
            } else {
                entries.append(.init(key: path, input: SettingInput(shape(value)), line: nil))
            }
        }
    }

    private static func shape(_ value: TOMLValue) -> SettingInput.Shape {
        switch value.type {
        case .string: .text(value.string ?? "", .string)
        case .int: .text("\(value.int ?? 0)", .integer)
        case .double: .text("\(value.double ?? 0)", .number)
        case .bool: .text("\(value.bool ?? false)", .boolean)
        case .array: list(value.array)
        case .date, .time, .dateTime: .other("a \(value.type)")
        case .table: .other("a table")
        }
    }

    private static func list(_ array: TOMLArray?) -> SettingInput.Shape {
        let texts = (array ?? TOMLArray()).map { $0.tomlValue.string }
        let known = texts.compactMap { $0 }
        return known.count == texts.count ? .list(known) : .other("a list that holds more than texts")
    }

    /// The line of every key written as `[table]` and `key = value`, which the parser does not tell.
    private static func lines(of text: String) -> [String: Int] {
        var lines: [String: Int] = [:]
        var table = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.first == "[", let end = words.firstIndex(of: "]") {
                table = key(words[words.index(after: words.startIndex)..<end]) + "."
            } else if let equals = words.firstIndex(of: "="), words.first != "#" {
                let path = table + key(words[..<equals])
                if lines[path] == nil { lines[path] = index + 1 }
            }
        }
        return lines
    }

    /// A key without the spaces and quotes around its parts.
    private static func key(_ text: Substring) -> String { String(text.filter { !" \t\"'".contains($0) }) }
}

/// Settings written in YAML.
private enum YAMLSettings {
    static func entries(_ text: String, _ path: String) throws(SettingsError) -> [SettingsFile.Entry] {
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch {
            throw SettingsError([problem(error, path)])
        }
        guard let root else { return [] }
        if case .scalar(let scalar) = root, scalar.string.isEmpty { return [] }
        guard case .mapping(let mapping) = root else {
            throw SettingsError(["\(path):\(root.mark?.line ?? 1): expected keys and values"])
        }
        var entries: [SettingsFile.Entry] = []
        collect(mapping, prefix: "", into: &entries)
        return entries
    }

    private static func problem(_ error: any Error, _ path: String) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(path):\(mark.line): not YAML: \(problem)"
        case .duplicatedKeysInMapping(let keys, let context):
            "\(path):\(context.mark.line): not YAML: \(keys.joined(separator: ", ")) stands there twice"
        default: "\(path): not YAML"
        }
    }

    private static func collect(_ mapping: Node.Mapping, prefix: String, into entries: inout [SettingsFile.Entry]) {
        for (key, value) in mapping {
            let path = prefix + (key.scalar?.string ?? "?")
            if case .mapping(let inner) = value {
                collect(inner, prefix: path + ".", into: &entries)
            } else {
                entries.append(.init(key: path, input: SettingInput(shape(value)), line: key.mark?.line))
            }
        }
    }

    private static func shape(_ node: Node) -> SettingInput.Shape {
        switch node {
        case .scalar(let scalar):
            // Words without quotes may be of any kind, as in the environment.
            return .text(scalar.string, scalar.style == .plain || scalar.style == .any ? .untyped : .string)
        case .sequence(let nodes):
            let texts = nodes.compactMap { $0.scalar?.string }
            return texts.count == nodes.count ? .list(texts) : .other("a list that holds more than texts")
        default: return .other("an alias")
        }
    }
}
