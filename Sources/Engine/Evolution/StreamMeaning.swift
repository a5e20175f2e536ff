import Columnar
import Expressions

/// What flows out of a node, by what it means: which rows, and what each column of them is. Neither the names of
/// columns nor their places count, so a column that another query needs beside it changes nothing.
struct StreamMeaning {
    /// Stands for the set of rows, however many of their columns are carried along.
    var rows: UInt64
    /// For each column what it is computed from.
    var columns: [UInt64]
    /// The types of the columns as they flow: a struct that is read has only those members that the query needs.
    var types = ""

    init(rows: UInt64, columns: [UInt64]) {
        self.rows = rows
        self.columns = columns
    }

    /// Stands for what an expression over the stream computes.
    func identity(of expression: BoundExpression) -> UInt64 {
        if case .column(let reference) = expression { return column(reference.index) }
        return CanonicalText.hash("expression " + CanonicalText.of(canonical(expression)))
    }

    /// The same with its type, on which the layout of what is kept depends.
    func text(of expression: BoundExpression) -> String {
        "\(identity(of: expression)):\(CanonicalText.of(expression.type))"
    }

    func texts(of expressions: [BoundExpression]) -> String {
        expressions.map(text).joined(separator: ",")
    }

    /// What a column is computed from.
    func column(_ index: Int) -> UInt64 { columns.indices.contains(index) ? columns[index] : 0 }

    /// The expression with the meaning of each column in place of its position and name.
    private func canonical(_ expression: BoundExpression) -> BoundExpression {
        expression.rewritten { node in
            switch node {
            case .column(let reference):
                return .column(.init(index: 0, name: "\(column(reference.index))", type: reference.type))
            case .member(let operand, let index, let name, let type):
                // A struct that is read has only those members that some query needs.
                return .member(Self.untyped(operand), index: name.isEmpty ? index : 0, name: name, type: type)
            default: return node
            }
        }
    }

    private static func untyped(_ expression: BoundExpression) -> BoundExpression {
        switch expression {
        case .column(var reference):
            reference.type = .null
            return .column(reference)
        case .member(let operand, let index, let name, _):
            return .member(operand, index: index, name: name, type: .null)
        default: return expression
        }
    }

    func text(of call: AggregateCall) -> String {
        let order = call.ordering.map { "\(text(of: $0.expression)) \($0.isDescending) \($0.nullsFirst)" }
        return "\(call.name)(\(texts(of: call.arguments))) distinct=\(call.isDistinct) "
            + "filter=\(call.filter.map(text) ?? "") order=\(order) type=\(CanonicalText.of(call.type))"
    }

    func text(of calls: [AggregateCall]) -> String { calls.map { text(of: $0) }.joined(separator: ";") }
}
