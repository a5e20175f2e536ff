import Codecs
import Columnar
import Dataflow
import Expressions
import Formats

/// The options of a table that is a folder of files.
struct FolderTableOptions {
    /// Without a slash at the end.
    let path: String
    let format: FormatOptions
    /// How a sink compresses files.
    let codec: Codec
    /// Nil: a source goes by the ends of names.
    let givenCodec: Codec?
    /// Which files a source reads, nil: all.
    let pattern: TextPattern?
    let rolling: RollingPolicy
    let naming: FileNaming
    let partitioning: PartitioningOptions

    init(_ given: [String: OptionValue]) throws(OptionError) {
        let options = GivenOptions(given)
        path = try Self.path(given["path"]?.text ?? "")
        do {
            format = try FormatOptions(given.mapValues(\.text).filter { $0.key != "json.compression" })
        } catch {
            throw OptionError(key: error.key, message: error.message)
        }
        let suffix = try options.one(of: ["filename.suffix", "file_naming.suffix"])
        givenCodec = try Self.codec(options)
        codec = givenCodec ?? suffix.map { Codec(path: "." + $0.value.text) } ?? .none
        rolling = try RollingPolicy(options)
        naming = try FileNaming(options, ending: Self.ending(format.format, codec))
        partitioning = try PartitioningOptions(options)
        pattern = try Self.pattern(options)
        try checkRole(given)
        for key in Self.switches where given[key]?.bool == true {
            throw OptionError(
                key: key, message: "option '\(key)' cannot be true: it is not available", hint: "leave it out")
        }
    }

    /// Whether a source reads a file, by its path below the folder.
    func wants(_ path: String) -> Bool { pattern?.isFound(in: path) ?? true }

    private static func pattern(_ options: GivenOptions) throws(OptionError) -> TextPattern? {
        guard let (key, value) = try options.one(of: ["source.regex_pattern", "regex_pattern"]) else { return nil }
        do throws(KernelError) {
            return try TextPattern(value.text)
        } catch {
            throw OptionError(key: key, message: "option '\(key)': \(error.message)")
        }
    }

    /// Refuses options of the other way.
    private func checkRole(_ given: [String: OptionValue]) throws(OptionError) {
        guard let role = given["type"]?.text else { return }
        let others = role == "source" ? Self.sinkPrefixes : Self.sourcePrefixes
        if let key = given.keys.sorted().first(where: { key in others.contains { key.hasPrefix($0) } }) {
            let other = role == "source" ? "sink" : "source"
            throw OptionError(key: key, message: "option '\(key)' is one of a \(other), and the table is a \(role)")
        }
        if role == "source", format.holdsChanges {
            throw OptionError(
                key: "format",
                message: "a folder is no source of debezium_json: the order of changes in several files is not known",
                hint: "read one file with connector = 'single_file'")
        }
    }

    private static func path(_ given: String) throws(OptionError) -> String {
        var path = given
        if path.hasPrefix("file://") { path.removeFirst("file://".count) }
        if let match = path.firstMatch(of: /^[A-Za-z][A-Za-z0-9+.:-]*:\/\//) {
            throw OptionError(
                key: "path", message: "option 'path': expected a path of this machine, found '\(match.output)…'",
                hint: "object stores cannot be used yet in this version; write to a folder: 'out' or "
                    + "'file:///data/out'")
        }
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        if path.isEmpty || path.utf8.contains(0) {
            throw OptionError(key: "path", message: "option 'path': expected the path of a folder, found '\(given)'")
        }
        return path
    }

    /// How files are compressed, if an option says so.
    private static func codec(_ options: GivenOptions) throws(OptionError) -> Codec? {
        guard let (key, value) = try options.one(of: compressionKeys) else { return nil }
        if key == "json.compression", value.text == "uncompressed" { return Codec.none }
        guard let codec = Codec(rawValue: value.text) else {
            throw OptionError(
                key: key, message: "option '\(key)': expected one of none, zstd, lz4, gzip, found '\(value.text)'")
        }
        return codec
    }

    /// What names end with unless the user says.
    private static func ending(_ format: FormatOptions.Format, _ codec: Codec) -> String {
        let name =
            switch format {
            case .json, .debeziumJSON: "json"
            case .csv: "csv"
            case .rawString: "txt"
            case .rawBytes: "bin"
            case .avro: "avro"
            case .protobuf: "pb"
            }
        switch codec {
        case .none: return name
        case .zstd: return name + ".zst"
        case .lz4: return name + ".lz4"
        case .gzip: return name + ".gz"
        }
    }

    private static let compressionKeys = [
        "compression", "compression_format", "source.compression", "json.compression",
    ]
    private static let sinkPrefixes = [
        "rolling_policy.", "filename.", "file_naming.", "partitioning.", "shuffle_by_partition.",
    ]
    private static let sourcePrefixes = ["source.", "regex_pattern"]
    /// Options that must not be true.
    private static let switches = [
        "rolling_policy.watermark_expiration", "shuffle_by_partition.enabled",
        "partitioning.shuffle_by_partition.enabled",
    ]
}

extension FolderTableOptions {
    private static let seconds = OptionSchema.Option.Kind.integer(1...9_000_000_000)

    /// Every option; where the documents have two spellings both are taken.
    static let schema: [OptionSchema.Option] = [
        .init("path", .text, required: true, "the folder's path; file:// may stand before it"),
        .init("compression", .choice(Codec.allCases.map(\.rawValue)), "how files are compressed"),
        .init("compression_format", .choice(Codec.allCases.map(\.rawValue)), "the same as compression"),
        .init("source.compression", .choice(Codec.allCases.map(\.rawValue)), "the same, of a source"),
        .init("source.regex_pattern", .text, "read only files whose paths below the folder match this"),
        .init("regex_pattern", .text, "the same as source.regex_pattern"),
        .init("rolling_policy.file_size", .text, "close a file of so many bytes, e.g. '100MB'"),
        .init("rolling_policy.file_size_bytes", .integer(1...Int64.max), "the same as a number"),
        .init("rolling_policy.interval", .duration, "close a file that is so old"),
        .init("rolling_policy.interval_seconds", seconds, "the same in seconds"),
        .init("rolling_policy.inactivity_interval", .duration, "close a file without rows for so long"),
        .init("rolling_policy.inactivity_seconds", seconds, "the same in seconds"),
        .init("rolling_policy.watermark_expiration", .boolean, "only false"),
        .init("filename.prefix", .text, "what file names begin with"),
        .init("file_naming.prefix", .text, "the same as filename.prefix"),
        .init("filename.suffix", .text, "what file names end with, behind a point, instead of the format's name"),
        .init("file_naming.suffix", .text, "the same as filename.suffix"),
        .init("filename.strategy", .choice(FileNaming.strategies), "what makes names differ"),
        .init("file_naming.strategy", .choice(FileNaming.strategies), "the same as filename.strategy"),
        .init("partitioning.time_pattern", .text, "folders by event time, e.g. '%Y-%m-%d/%H'"),
        .init("partitioning.fields", .text, "folders field=value by these columns"),
        .init("shuffle_by_partition.enabled", .boolean, "only false"),
        .init("partitioning.shuffle_by_partition.enabled", .boolean, "only false"),
    ]
}

/// Options as given, by key.
struct GivenOptions {
    private let given: [String: OptionValue]

    init(_ given: [String: OptionValue]) { self.given = given }

    subscript(key: String) -> OptionValue? { given[key] }

    /// The one option that is given out of several spellings of the same; nil when none is. Errors: two are.
    func one(of keys: [String]) throws(OptionError) -> (key: String, value: OptionValue)? {
        let found = keys.filter { given[$0] != nil }
        if found.count > 1 {
            throw OptionError(
                key: found[1], message: "options '\(found[0])' and '\(found[1])' mean the same: give one of them")
        }
        guard let key = found.first, let value = given[key] else { return nil }
        return (key, value)
    }
}
