import Columnar
import HostSystem

/// The steps of a plan laid out flat, so that the common ones run without counting a reference; keeps what they point
/// at.
final class AvroProgram {
    /// What a step does, if it is one of the common ones.
    enum Code: UInt8 {
        case record, union, integer, time, double, float, boolean, text, null
        /// All others, and whatever goes wrong: the step itself says what to do.
        case other
    }

    struct Operation {
        let code: Code
        let isNullable: Bool
        /// For times how many nanoseconds a unit has.
        let least: Int64
        let greatest: Int64
        /// Unretained: the steps keep it.
        let sink: Unmanaged<ColumnSink>?
        let step: Int32
        var firstChild: Int32 = 0
        var childCount: Int32 = 0
    }

    private(set) var steps: [AvroStep] = []
    let operations: UnsafePointer<Operation>
    private let storage: UnsafeMutableBufferPointer<Operation>

    init(_ root: AvroStep) {
        var list: [Operation] = []
        var steps: [AvroStep] = []
        Self.add([root], &list, &steps)
        storage = .allocate(capacity: list.count)
        _ = storage.initialize(from: list)
        operations = UnsafePointer(storage.baseAddress ?? .allocate(capacity: 1))
        self.steps = steps
    }

    deinit { storage.deallocate() }

    /// Siblings stand together.
    private static func add(_ siblings: [AvroStep], _ list: inout [Operation], _ steps: inout [AvroStep]) {
        let first = list.count
        for step in siblings {
            list.append(operation(step, Int32(steps.count)))
            steps.append(step)
        }
        for (index, step) in siblings.enumerated()
        where list[first + index].code == .record
            || list[first + index].code == .union
        {
            list[first + index].firstChild = Int32(list.count)
            list[first + index].childCount = Int32(step.children.count)
            add(step.children, &list, &steps)
        }
    }

    private static func operation(_ step: AvroStep, _ number: Int32) -> Operation {
        var code = Code.other
        var least: Int64 = 0
        var greatest: Int64 = 0
        switch step.action {
        case .record: code = .record
        case .union: code = .union
        case .integer(let range):
            code = .integer
            (least, greatest) = (range.least, range.greatest)
        case .time(let nanosPerUnit):
            if step.sink?.type != .time { code = .time }
            least = nanosPerUnit
        case .double: code = .double
        case .float: code = .float
        case .boolean: code = .boolean
        case .text: code = .text
        case .null: code = .null
        default: break
        }
        return Operation(
            code: code, isNullable: step.isNullable, least: least, greatest: greatest,
            sink: step.sink.map { Unmanaged.passUnretained($0) }, step: number)
    }
}
