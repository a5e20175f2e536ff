import ControlPlane
import JSONModel

/// Reads what callers send about pipelines.
enum PipelineRequests {
    static let parallelismRange: ClosedRange<Int64> = 1...128
    /// A tenth of a second to a day.
    static let intervalRange: ClosedRange<Int64> = 100_000...86_400_000_000
    static let tagCountMax = 64
    /// Characters.
    static let tagKeyLengthMax = 128
    static let tagValueLengthMax = 1024
    /// Previews keep no state, so that their checkpoints are only a formality.
    private static let previewIntervalMicros: Int64 = 86_400_000_000

    static func draft(_ call: APICall) throws -> PipelineDraft {
        let body = try call.json()
        let name = try body.required("name").text(charactersMax: ControlSettings.nameLengthMax)
        let query = try body.query(call.services)
        let parallelism = try body.required("parallelism").integer(in: parallelismRange)
        var draft = PipelineDraft(name: name, query: query, parallelism: Int(parallelism))
        draft.checkpointIntervalMicros = try interval(body)
        draft.isPreview = try body.flag("preview")
        draft.ttlMicros = try body.optional("ttl_micros")?.integer(in: 1...Int64.max)
        draft.tags = try tags(body)
        draft.starts = try body.optional("start")?.bool() ?? true
        try rejectFunctions(body)
        return draft
    }

    /// A preview is named after the time.
    static func preview(_ call: APICall, nowMicros: Int64) throws -> PipelineDraft {
        let body = try call.json()
        let query = try body.query(call.services)
        try rejectFunctions(body)
        var draft = PipelineDraft(name: "preview_\(nowMicros / 1000)", query: query, parallelism: 1)
        draft.isPreview = true
        draft.enablesSinks = try body.flag("enable_sinks")
        draft.checkpointIntervalMicros = previewIntervalMicros
        return draft
    }

    static func change(_ call: APICall) throws -> PipelineChange {
        let body = try call.json()
        var change = PipelineChange()
        change.name = try body.optionalText("name")
        if try body.optional("query") != nil { change.query = try body.query(call.services) }
        change.parallelism = try body.optional("parallelism").map { try Int($0.integer(in: parallelismRange)) }
        change.checkpointIntervalMicros = try interval(body)
        let stop = try body.optional("stop")?.choice(JobStopMode.allCases.map(\.rawValue))
        change.stop = stop.flatMap(JobStopMode.init(rawValue:))
        change.isDryRun = try call.flag("dry_run")
        return change
    }

    /// The SQL of a request that has little else.
    static func query(_ call: APICall) throws -> String {
        let body = try call.json()
        try rejectFunctions(body)
        return try body.query(call.services)
    }

    private static func interval(_ body: JSONReader) throws -> Int64? {
        try body.optional("checkpoint_interval_micros")?.integer(in: intervalRange)
    }

    private static func tags(_ body: JSONReader) throws -> [String: String] {
        guard let member = try body.optional("tags") else { return [:] }
        let members = try member.object().members
        if members.count > tagCountMax { throw member.wrong("more than \(tagCountMax) tags") }
        var result: [String: String] = [:]
        for tag in members {
            if tag.key.unicodeScalars.count > tagKeyLengthMax || tag.key.utf8.contains(0) {
                throw member.wrong(
                    "a tag's name takes at most \(tagKeyLengthMax) characters, none of them U+0000, found "
                        + "'\(APICall.shortened(tag.key))'")
            }
            let value = JSONReader(tag.value, path: member.path(of: tag.key))
            result[tag.key] = try value.text(charactersMin: 0, charactersMax: tagValueLengthMax)
        }
        return result
    }

    private static func rejectFunctions(_ body: JSONReader) throws {
        guard let member = try body.optional("udfs") else { return }
        if try !member.array().isEmpty { throw member.wrong("user-defined functions are not supported") }
    }
}
