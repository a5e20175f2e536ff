import Columnar
import Connectors
import Dataflow
import JSONModel
import Planner

/// A schema as it is answered and stored, and as options.
extension ConnectionSchema {
    /// The form of the user's document; what was not told is left out.
    var json: JSONValue {
        var object = JSONObject()
        if let format {
            object["format"] = .object(JSONObject([.init(key: format.descriptor.id, value: .object(format.settings))]))
        }
        object["bad_data"] = badData.map { text in
            if text.hasPrefix("table:") { return ["table": ["name": .string(String(text.dropFirst(6)))]] }
            return .object(JSONObject([.init(key: text, value: .object(JSONObject()))]))
        }
        if let framing {
            var newline = JSONObject()
            newline["max_line_length"] = framing.lineBytesMax.map { .integer($0) }
            object["framing"] = ["method": framing.isNewline ? ["newline": .object(newline)] : "none"]
        }
        object["fields"] = .array(columns.map { ConnectionFieldType.json($0.field, metadata: $0.metadata) })
        if let definition {
            var content: JSONValue = .string(definition.text)
            if definition.kind == "protobuf_schema" || definition.dependencies != nil {
                content = ["schema": content, "dependencies": definition.dependencies ?? .object(JSONObject())]
            }
            object["definition"] = .object(JSONObject([.init(key: definition.kind, value: content)]))
        }
        let keys = columns.filter(\.isPrimaryKey).map { JSONValue.string($0.field.name) }
        if !keys.isEmpty { object["primary_keys"] = .array(keys) }
        object["inferred"] = isInferred.map { .bool($0) }
        object["event_time_field"] = eventTimeField.map { .string($0) }
        switch watermark {
        case .delay(let text)?: object["watermark"] = ["delay": .string(text)]
        case .delayMicros(let micros)?: object["watermark"] = ["delay_micros": .integer(micros)]
        case .field(let name)?: object["watermark"] = ["field": .string(name)]
        case nil: break
        }
        return .object(object)
    }

    /// What the format and the event time are in WITH; settings that say what is so anyway are left out.
    var options: [String: OptionValue] {
        var result: [String: OptionValue] = [:]
        if let format {
            result["format"] = .string(format.descriptor.id)
            // Debezium has the settings of JSON.
            let prefix = format.descriptor.id == "debezium_json" ? "json" : format.descriptor.id
            let defaults = format.descriptor.shape.jsonSchema["properties"]
            for (key, value) in format.descriptor.shape.options(of: .object(format.settings)) {
                if let usual = defaults?[key]?["default"], usual == format.settings[key] { continue }
                result["\(prefix).\(key)"] = value
            }
            let usesRegistry = format.settings["confluent_schema_registry"] == true
            result.merge(
                definition?.options(format: format.descriptor.id, usesRegistry: usesRegistry) ?? [:]
            ) { _, defined in defined }
        }
        result["bad_data"] = badData.map { .string($0) }
        if let framing {
            result["framing"] = .string(framing.isNewline ? "newline" : "none")
            result["framing.newline.max_length"] = framing.lineBytesMax.map { .int($0) }
        }
        result["event_time_field"] = eventTimeField.map { .string($0) }
        switch watermark {
        case .delay(let text)?: result["watermark_delay"] = .string(text)
        case .delayMicros(let micros)?:
            result["watermark_delay"] = .interval(Interval(nanoseconds: micros * 1000))
        case .field(let name)?: result["watermark_field"] = .string(name)
        case nil: break
        }
        return result
    }
}
