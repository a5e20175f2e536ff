import Columnar
import Dataflow
import Expressions
import SQLSyntax

/// Binds CREATE TABLE: columns, options, event time; checks them against the connector.
struct TableDefinitionBinder {
    private let binder: Binder

    init(_ binder: Binder) { self.binder = binder }

    /// A table of the text with a connector.
    func connection(_ table: CreateTable, _ span: SourceSpan) throws(Diagnostic) -> ConnectionTable {
        var options: [String: OptionValue] = [:]
        for option in table.options {
            if options[option.key] != nil {
                throw Diagnostic("E0302", "option '\(option.key)' is given twice", span: option.keySpan)
            }
            options[option.key] = try value(option)
        }
        if table.isTemporary {
            if let type = options["type"], type.text != TableRole.lookup.rawValue {
                throw Diagnostic(
                    "E0304", "a temporary table is one that is looked up, not a \(type.text)",
                    span: table.options.first { $0.key == "type" }?.value.span, hint: "leave TEMPORARY out")
            }
            options["type"] = .string(TableRole.lookup.rawValue)
        }
        try addProfile(to: &options, table)
        let name = options["connector"]?.text ?? ""
        let place = table.options.first { $0.key == "connector" }
        guard let connector = binder.connectors[name] else {
            if binder.connectors.announced.contains(name) {
                throw notYet(name, table.name.name, place?.value.span ?? span)
            }
            let near = NameSuggestion.closest(to: name, among: binder.connectors.names)
            throw Diagnostic(
                "E0303", "there is no connector '\(name)'", span: place?.value.span ?? span,
                hint: near.map { "did you mean '\($0)'?" }
                    ?? "there are: " + binder.connectors.names.sorted().joined(separator: ", "))
        }
        return try connection(table, connector, options, try columns(table))
    }

    /// A table that is stored; `span` is its use, which all that is wrong with it is told at.
    func stored(_ stored: StoredTable, at span: SourceSpan) throws(Diagnostic) -> ConnectionTable {
        guard let connector = binder.connectors[stored.connector] else {
            throw notYet(stored.connector, stored.name, span)
        }
        var table = CreateTable(name: QualifiedName(parts: [Identifier(stored.name, span: span)], span: span))
        table.hasOptions = true
        var options = stored.options
        options["connector"] = .string(stored.connector)
        let columns = stored.columns.map {
            ConnectionTable.TableColumn(
                field: $0.field, isPrimaryKey: $0.isPrimaryKey, generated: nil, metadata: $0.metadata)
        }
        return try connection(table, connector, options, columns)
    }

    private func notYet(_ connector: String, _ table: String, _ span: SourceSpan) -> Diagnostic {
        Diagnostic(
            "E0303", "connector '\(connector)' of table '\(table)' cannot run yet in this version", span: span,
            hint: "those that run are: " + binder.connectors.names.sorted().joined(separator: ", "))
    }

    /// Adds what the profile that is named says and the table does not.
    private func addProfile(to options: inout [String: OptionValue], _ table: CreateTable) throws(Diagnostic) {
        guard let name = options["connection_profile"]?.text else { return }
        let span = table.options.first { $0.key == "connection_profile" }?.value.span ?? table.name.span
        guard let profile = try binder.stored.profile(name, at: span) else {
            let known = binder.stored.profileNames
            let near = NameSuggestion.closest(to: name, among: known)
            throw Diagnostic(
                "E0309", "there is no connection profile '\(name)'", span: span,
                hint: near.map { "did you mean '\($0)'?" }
                    ?? (known.isEmpty ? "none is stored" : "there are: " + known.joined(separator: ", ")))
        }
        let connector = options["connector"]?.text ?? ""
        if profile.connector != connector {
            throw Diagnostic(
                "E0309",
                "connection profile '\(profile.name)' is for connector '\(profile.connector)', not '\(connector)'",
                span: span)
        }
        options.merge(profile.options) { own, _ in own }
    }

    /// Either way of defining a table: what the connector and the columns make of it.
    private func connection(
        _ table: CreateTable, _ connector: any Connector, _ given: [String: OptionValue],
        _ declared: [ConnectionTable.TableColumn]
    ) throws(Diagnostic) -> ConnectionTable {
        var options = given
        var columns = declared
        var traits: TableTraits
        do throws(OptionError) {
            if let prepare = binder.prepareOptions { options = try prepare(connector.name, given) }
            try connector.options.validate(options)
            traits = try connector.traits(options: options, schema: Self.values(columns))
            if let place = traits.outsideDefinition, Self.values(columns).count == 0 {
                options = try defined(connector, place, options)
                traits = try connector.traits(options: options, schema: Self.values(columns))
            }
            if !traits.definedColumns.isEmpty, Self.values(columns).count == 0 {
                columns = Self.adding(traits.definedColumns, to: columns, table)
                traits = try connector.traits(options: options, schema: Self.values(columns))
            }
        } catch {
            let place = table.options.first { $0.key == error.key }
            let known = connector.options.keys
            let near = error.key.flatMap { known.contains($0) ? nil : NameSuggestion.closest(to: $0, among: known) }
            throw Diagnostic(
                "E0304", "table \(table.name.name): \(error.message)",
                span: place.map { $0.keySpan.union($0.value.span) } ?? table.name.span,
                hint: near.map { "did you mean '\($0)'?" } ?? error.hint)
        }
        var result = ConnectionTable(
            name: table.name.name, connector: connector.name, options: options, traits: traits, columns: columns,
            watermark: nil, idleMillis: 30_000)
        try checkKeys(table, columns)
        try narrowRoles(&result, table)
        if let fixed = traits.fixedSchema {
            if !columns.isEmpty {
                throw Diagnostic(
                    "E0305", "connector '\(connector.name)' defines the columns itself",
                    span: table.columns.first?.span ?? table.name.span, hint: "leave the column list out")
            }
            result.columns = fixed.fields.map { .init(field: $0, isPrimaryKey: false, generated: nil, metadata: nil) }
        } else if columns.isEmpty, result.traits.roles == [.source] {
            throw Diagnostic("E0305", "table \(table.name.name) needs columns", span: table.name.span)
        }
        if let micros = options["idle_micros"]?.int { result.idleMillis = micros < 0 ? nil : max(1, micros / 1000) }
        try checkChanges(result, table)
        if result.traits.roles == [.lookup] { try checkLookup(result, table) }
        try checkMetadata(result, table)
        result.watermark = try watermark(table, result, options)
        addEventTime(&result)
        try addBadRecords(&result, table)
        return result
    }

    /// The columns in which a source tells of records that it cannot decode, for the table that takes them.
    private func addBadRecords(_ result: inout ConnectionTable, _ table: CreateTable) throws(Diagnostic) {
        guard result.badRecordTable != nil else { return }
        let option = table.options.first { $0.key == "bad_data" }
        let span = option.map { $0.keySpan.union($0.value.span) } ?? table.name.span
        if result.traits.roles != [.source] {
            throw Diagnostic(
                "E0304", "table \(result.name): option 'bad_data': only a source has bad records", span: span)
        }
        let known = result.traits.metadata.contains { $0.name == HiddenColumn.badRecordError }
        if !known {
            throw Diagnostic(
                "E0304",
                "table \(result.name): option 'bad_data': bad records of connector '\(result.connector)'"
                    + (result.traits.givesChanges ? " in format debezium_json" : "") + " cannot go to a table",
                span: span, hint: "use bad_data = 'fail' or 'drop'")
        }
        for field in HiddenColumn.badRecordFields where result.traits.metadata.contains(field) {
            result.columns.append(.init(field: field, isPrimaryKey: false, generated: nil, metadata: field.name))
        }
    }

    private func checkKeys(_ table: CreateTable, _ columns: [ConnectionTable.TableColumn]) throws(Diagnostic) {
        for key in table.primaryKey where !columns.contains(where: { $0.field.name == key.name }) {
            throw Diagnostic("E0204", "there is no column \(key.name)", span: key.span)
        }
    }

    /// The columns that come of a record's value.
    private static func values(_ columns: [ConnectionTable.TableColumn]) -> Schema {
        Schema(columns.filter { $0.generated == nil && $0.metadata == nil }.map(\.field))
    }

    /// Columns of a definition, in front of those declared; a declared one of the same name stays.
    private static func adding(
        _ defined: [Field], to columns: [ConnectionTable.TableColumn], _ table: CreateTable
    ) -> [ConnectionTable.TableColumn] {
        let keys = table.primaryKey.map(\.name)
        let fresh = defined.filter { field in !columns.contains { $0.field.name == field.name } }.map {
            ConnectionTable.TableColumn(
                field: $0, isPrimaryKey: keys.contains($0.name), generated: nil, metadata: nil)
        }
        return fresh + columns
    }

    /// The options with the definition that stands outside. Errors: that it is not known, or cannot be had.
    private func defined(
        _ connector: any Connector, _ place: String, _ options: [String: OptionValue]
    ) throws(OptionError) -> [String: OptionValue] {
        switch binder.definitions[connector.name, place] {
        case .found(let found)?: return options.merging(found) { own, _ in own }
        case .failed(let message, let hint, _)?: throw OptionError(key: nil, message: message, hint: hint)
        case nil:
            binder.missingDefinitions.append(
                .init(connector: connector.name, place: place, options: options))
            throw OptionError(key: nil, message: "its columns are those of \(place), which has not been asked")
        }
    }

    /// Whether the connector has the metadata that columns name, with their types.
    private func checkMetadata(_ result: ConnectionTable, _ table: CreateTable) throws(Diagnostic) {
        for column in result.columns {
            guard let key = column.metadata else { continue }
            let span = table.columns.first { $0.name.name == column.field.name }?.span ?? table.name.span
            let isSink = result.traits.roles == [.sink]
            let hidden = [HiddenColumn.eventTime] + HiddenColumn.badRecordFields.map(\.name)
            let all = isSink ? result.traits.sinkMetadata : result.traits.metadata
            let known = all.filter { !hidden.contains($0.name) }
            let types = known.filter { $0.name == key }.map(\.type)
            let hasOneRole = isSink || result.traits.roles == [.source]
            if types.contains(column.field.type), hasOneRole { continue }
            guard hasOneRole, !types.isEmpty else {
                var names: [String] = []
                for field in known where !names.contains(field.name) { names.append(field.name) }
                throw Diagnostic(
                    "E0306", "column \(column.field.name): there is no metadata '\(key)' for this connector",
                    span: span,
                    hint: names.isEmpty
                        ? nil : "a \(isSink ? "sink" : "source") has: " + names.joined(separator: ", "))
            }
            throw Diagnostic(
                "E0306",
                "column \(column.field.name): metadata '\(key)' is \(types.map(\.sqlName).joined(separator: " or ")), "
                    + "not \(column.field.type.sqlName)", span: span)
        }
    }

    /// Records that have a time of their own give it to their rows, unless the table says what its event time is.
    private func addEventTime(_ result: inout ConnectionTable) {
        guard result.watermark == nil, result.traits.fixedSchema == nil, result.traits.roles == [.source],
            let name = result.traits.eventTimeColumn, result.traits.metadata.contains(where: { $0.name == name }),
            !result.columns.contains(where: { $0.field.name == name })
        else { return }
        result.columns.append(
            .init(
                field: Field(name, .timestamp, isNullable: false), isPrimaryKey: false, generated: nil, metadata: name))
    }

    /// What a source of changes needs and cannot have.
    private func checkChanges(_ result: ConnectionTable, _ table: CreateTable) throws(Diagnostic) {
        guard result.traits.givesChanges, result.traits.roles == [.source] else { return }
        if !result.columns.contains(where: \.isPrimaryKey) {
            throw Diagnostic(
                "E0305", "table \(result.name) holds changes of rows and needs a PRIMARY KEY that tells them apart",
                span: table.name.span, hint: "write PRIMARY KEY behind the type of its key column")
        }
        if let column = table.columns.first(where: { $0.generated != nil }) {
            throw Diagnostic(
                "E0306", "a table of changes has no generated columns", span: column.span,
                hint: "compute them in a view over the table")
        }
    }

    /// What a table that is looked up needs and cannot have.
    private func checkLookup(_ result: ConnectionTable, _ table: CreateTable) throws(Diagnostic) {
        if !result.columns.contains(where: \.isPrimaryKey) {
            throw Diagnostic(
                "E0305", "table \(result.name) is looked up by its key and needs a PRIMARY KEY",
                span: table.name.span, hint: "write PRIMARY KEY behind the type of its key column")
        }
        if let column = table.columns.first(where: { $0.generated != nil }) {
            throw Diagnostic(
                "E0306", "a table that is looked up has no generated columns", span: column.span,
                hint: "compute them where it is joined")
        }
        if let watermark = table.watermark {
            throw Diagnostic(
                "E0307", "a table that is looked up has no event time", span: watermark.span,
                hint: "for the rows of a stream at a time use a temporal join: FOR SYSTEM_TIME AS OF")
        }
    }

    private func narrowRoles(_ result: inout ConnectionTable, _ table: CreateTable) throws(Diagnostic) {
        let roles = result.traits.roles
        if let text = result.options["type"]?.text, let role = TableRole(rawValue: text) {
            guard roles.contains(role) else {
                throw Diagnostic(
                    "E0304", "table \(result.name): connector '\(result.connector)' cannot be a \(text)",
                    span: table.options.first { $0.key == "type" }?.value.span,
                    hint: "it can be: " + roles.map(\.rawValue).sorted().joined(separator: ", "))
            }
            result.traits.roles = [role]
        } else if roles.count > 1 {
            throw Diagnostic(
                "E0304", "table \(result.name): missing option 'type'", span: table.name.span,
                hint: "add type = 'source' or type = 'sink'")
        }
    }

    private func value(_ option: TableOption) throws(Diagnostic) -> OptionValue {
        switch option.value.kind {
        case .string(let text): return .string(text)
        case .boolean(let value): return .boolean(value)
        case .number(let text):
            if let whole = Int64(text) { return .int(whole) }
            if let number = Double(text) { return .float(number) }
        case .name(let parts): return .string(parts.map(\.name).joined(separator: "."))
        case .array(let elements):
            var texts: [String] = []
            for element in elements {
                texts.append(try value(.init(key: option.key, value: element, keySpan: option.keySpan)).text)
            }
            return .list(texts)
        case .interval:
            let expressions = ExpressionBinder(binder, Scope(), [:], .values(.init(columns: [], rows: [[]])))
            if case .literal(let value) = try expressions.bind(option.value), let interval = value.intervalValue {
                return .interval(interval)
            }
        default: break
        }
        throw Diagnostic(
            "E0302", "option '\(option.key)' must be a constant: text, a number, true, false or an INTERVAL",
            span: option.value.span)
    }

    /// The declared columns, with generated ones bound over the physical.
    func columns(_ table: CreateTable) throws(Diagnostic) -> [ConnectionTable.TableColumn] {
        var result: [ConnectionTable.TableColumn] = []
        var physical: [PlanColumn] = []
        for definition in table.columns {
            if result.contains(where: { $0.field.name == definition.name.name }) {
                throw Diagnostic("E0203", "two columns called \(definition.name.name)", span: definition.name.span)
            }
            let type = try TypeResolver.resolve(definition.type)
            let isKey = definition.isPrimaryKey || table.primaryKey.contains(definition.name)
            let field = Field(definition.name.name, type, isNullable: !definition.isNotNull)
            result.append(
                .init(field: field, isPrimaryKey: isKey, generated: nil, metadata: definition.metadataKey))
            if definition.generated == nil {
                physical.append(
                    PlanColumn(id: physical.count, name: field.name, type: type, isNullable: field.isNullable))
            }
        }
        let scope = Scope(relations: [.init(name: table.name.name, columns: physical)])
        let empty = LogicalPlan.values(.init(columns: physical, rows: []))
        for (index, definition) in table.columns.enumerated() {
            guard let expr = definition.generated else { continue }
            let expressions = ExpressionBinder(binder, scope, [:], empty)
            expressions.place = "a generated column"
            let bound = TypeCoercion.cast(try expressions.bind(expr), to: result[index].field.type)
            if expressions.plan != empty {
                throw Diagnostic("E0306", "a generated column cannot have sub-queries", span: expr.span)
            }
            result[index].generated = bound
        }
        // Columns that a definition gives are not known yet.
        if Self.values(result).count > 0 { try checkKeys(table, result) }
        return result
    }

    // MARK: - Event time

    private func watermark(
        _ table: CreateTable, _ result: ConnectionTable, _ options: [String: OptionValue]
    ) throws(Diagnostic) -> ConnectionTable.WatermarkDeclaration? {
        let columns = result.columns.enumerated().map { index, column in
            PlanColumn(id: index, name: column.field.name, type: column.field.type, isNullable: column.field.isNullable)
        }
        let option = options["event_time_field"]?.text
        guard let name = table.watermark?.column.name ?? option else {
            if options["watermark_delay"] != nil || options["watermark_field"] != nil {
                throw Diagnostic(
                    "E0307", "table \(result.name): the watermark options need event_time_field", span: table.name.span)
            }
            return nil
        }
        let span = table.watermark?.span ?? table.name.span
        guard let column = columns.first(where: { $0.name == name }) else {
            throw Diagnostic(
                "E0204", "there is no column \(name)", span: table.watermark?.column.span ?? span,
                hint: NameSuggestion.closest(to: name, among: columns.map(\.name)).map { "did you mean \($0)?" })
        }
        guard column.type.isTimestamp else {
            throw Diagnostic(
                "E0307", "the event time \(name) is \(column.type.sqlName): it must be a TIMESTAMP", span: span,
                hint: "add a generated column, e.g. ts TIMESTAMP GENERATED ALWAYS AS (to_timestamp(\(name)))")
        }
        return .init(
            column: column.id, expression: try watermarkExpression(table, options, column, columns, span))
    }

    private func watermarkExpression(
        _ table: CreateTable, _ options: [String: OptionValue], _ column: PlanColumn, _ columns: [PlanColumn],
        _ span: SourceSpan
    ) throws(Diagnostic) -> BoundExpression {
        let time = TypeCoercion.cast(column.expression, to: .timestamp)
        if let expr = table.watermark?.expr {
            let scope = Scope(relations: [.init(name: table.name.name, columns: columns)])
            let empty = LogicalPlan.values(.init(columns: columns, rows: []))
            let expressions = ExpressionBinder(binder, scope, [:], empty)
            expressions.place = "WATERMARK"
            let bound = try expressions.bind(expr)
            guard bound.type.isTimestamp, expressions.plan == empty else {
                throw Diagnostic(
                    "E0307", "a watermark must be a TIMESTAMP, found \(bound.type.sqlName)", span: expr.span)
            }
            return TypeCoercion.cast(bound, to: .timestamp)
        }
        if let field = options["watermark_field"]?.text {
            guard let own = columns.first(where: { $0.name == field }), own.type.isTimestamp else {
                throw Diagnostic("E0307", "watermark_field '\(field)' is no TIMESTAMP column", span: span)
            }
            return TypeCoercion.cast(own.expression, to: .timestamp)
        }
        guard let delay = options["watermark_delay"] else { return time }
        let interval: ScalarValue
        if case .interval(let value) = delay {
            interval = .interval(value)
        } else {
            interval = try TypeCoercion.convert(.utf8(delay.text), to: .interval, span: span)
        }
        return .arithmetic(.subtract, time, .literal(interval), type: .timestamp)
    }
}
