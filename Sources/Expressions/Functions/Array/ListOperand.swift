import Columnar

/// One list argument as columns: the elements of all rows and where each row's lie.
struct ListOperand {
    let column: Column
    let elements: Column

    init(_ column: Column) {
        self.column = column
        elements = column.children.first ?? .empty(.null)
    }

    /// The elements of a row; none for a null.
    @inline(__always)
    subscript(row: Int) -> Range<Int> {
        if column.type == .null || column.isNull(row) { return 0..<0 }
        return Int(column.listOffsets[row])..<Int(column.listOffsets[row + 1])
    }

    func isNull(_ row: Int) -> Bool { column.type == .null || column.isNull(row) }
}

/// Builds lists from elements that exist already: positions in a column of candidates.
struct ListAssembly {
    private var positions: [Int32] = []
    private var offsets: [Int32] = [0]
    private var present: [Bool] = []

    /// Adds the candidate at a position to the row at hand; -1 adds a null.
    @inline(__always)
    mutating func append(_ position: Int) { positions.append(Int32(truncatingIfNeeded: position)) }

    mutating func append(_ range: Range<Int>) {
        for position in range { append(position) }
    }

    mutating func endRow(isNull: Bool = false) {
        offsets.append(Int32(truncatingIfNeeded: positions.count))
        present.append(!isNull)
    }

    /// How many elements there are in all rows so far.
    var count: Int { positions.count }

    func finish(_ type: DataType, candidates: Column) -> Column {
        let selection = Selection(buffer: .copying(positions), count: positions.count)
        let validity = present.allSatisfy { $0 } ? nil : Bitmap(present)
        return Column(
            type: type, count: present.count, validity: validity, values: .copying(offsets),
            children: [candidates.takingOrNull(selection)])
    }
}

/// Numbers values so that equal ones have equal numbers, nulls included.
struct ElementNumbers {
    private let buffer: Buffer
    /// How many different values there are.
    let distinctCount: Int

    init(_ column: Column) {
        buffer = Buffer(byteCount: max(1, column.count) * 4)
        let table = GroupTable(keyTypes: [column.type])
        table.intern([column], rowCount: column.count, into: buffer.assuming(UInt32.self))
        distinctCount = table.groupCount
    }

    @inline(__always)
    subscript(position: Int) -> Int { Int(buffer.assuming(UInt32.self)[position]) }
}

/// How the functions of lists find their types.
enum ListTypes {
    /// What a parameter is, given the list's element type.
    enum Part {
        case list, element, integer, text
    }

    /// A resolver for the parts given; the first list decides, elements widen it where they must.
    static func resolver(
        _ parts: [Part], optional: Int = 0, repeatsLast: Bool = false,
        returns: @escaping @Sendable (_ list: DataType) -> DataType
    ) -> ScalarFunction.Resolver {
        { (types) throws(SignatureError) in
            guard types.count >= parts.count - optional, repeatsLast || types.count <= parts.count else {
                throw SignatureError("takes \(parts.count - optional) arguments, found \(types.count)")
            }
            func part(_ index: Int) -> Part { parts[min(index, parts.count - 1)] }
            var element = DataType.null
            for (index, type) in types.enumerated() {
                let offered: DataType
                switch part(index) {
                case .list:
                    guard type == .null || type.elementType != nil, !type.isMap else {
                        throw SignatureError("expects an array as argument \(index + 1), found \(type.sqlName)")
                    }
                    offered = type.elementType ?? .null
                case .element: offered = type
                case .integer, .text: continue
                }
                guard let common = Cast.commonType(element, offered) else {
                    throw SignatureError(
                        "expects \(element.sqlName) as argument \(index + 1), found \(offered.sqlName)")
                }
                element = common
            }
            var arguments: [DataType] = []
            for (index, type) in types.enumerated() {
                switch part(index) {
                case .list: arguments.append(.list(element))
                case .element: arguments.append(element)
                case .integer, .text:
                    let parameter = part(index) == .integer ? Parameter.integer : .text
                    guard let accepted = parameter.accepting(type) else {
                        throw SignatureError(
                            "expects \(parameter.title) as argument \(index + 1), found \(type.sqlName)")
                    }
                    arguments.append(accepted)
                }
            }
            return ResolvedSignature(arguments, returns: returns(.list(element)))
        }
    }
}

extension DataType {
    fileprivate var isMap: Bool { if case .map = self { true } else { false } }
}
