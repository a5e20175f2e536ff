import Columnar
import Expressions

/// A column of a logical plan. Its `id` is unique in the plan: whoever passes a column on unchanged keeps the id,
/// so that rules move expressions up and down without renaming anything.
public struct PlanColumn: Hashable, Sendable {
    public var id: Int
    public var name: String
    public var type: DataType
    public var isNullable: Bool

    public init(id: Int, name: String, type: DataType, isNullable: Bool = true) {
        self.id = id
        self.name = name
        self.type = type
        self.isNullable = isNullable
    }

    /// An expression that reads the column.
    public var expression: BoundExpression {
        .column(.init(index: id, name: name, type: type, isNullable: isNullable))
    }

    public var field: Field { Field(name, type, isNullable: isNullable) }
    public var isHidden: Bool { Self.isHidden(name) }

    /// Whether the engine added a column of that name, which users do not see.
    static func isHidden(_ name: String) -> Bool {
        guard name.hasPrefix("_") else { return false }
        return name == HiddenColumn.eventTime || name == HiddenColumn.watermark
            || HiddenColumn.badRecordFields.contains { $0.name == name }
    }

    func renamed(_ newName: String) -> PlanColumn {
        PlanColumn(id: id, name: newName, type: type, isNullable: isNullable)
    }
}

/// Gives plan-wide unique column ids.
public final class ColumnNumbering {
    private var next = 1

    public init() {}

    public func column(_ name: String, _ type: DataType, isNullable: Bool = true) -> PlanColumn {
        defer { next += 1 }
        return PlanColumn(id: next, name: name, type: type, isNullable: isNullable)
    }
}

/// A column and the expression that computes it.
public struct ComputedColumn: Hashable, Sendable {
    public var column: PlanColumn
    public var expression: BoundExpression

    public init(_ column: PlanColumn, _ expression: BoundExpression) {
        self.column = column
        self.expression = expression
    }

    /// Whether the column only passes its own id on.
    public var isPassThrough: Bool {
        if case .column(let reference) = expression { reference.index == column.id } else { false }
    }

    static func passing(_ column: PlanColumn) -> ComputedColumn { ComputedColumn(column, column.expression) }
}
