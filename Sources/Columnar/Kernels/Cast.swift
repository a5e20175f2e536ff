extension Cast {
    /// The value under another type; a scalar stays scalar, nulls stay nulls.
    ///
    /// A row that cannot be converted (text that is no number, a number out of range) throws, or becomes null when
    /// `isTry`. The pair must be one that `isSupported` allows.
    public static func evaluate(
        _ value: ColumnarValue, to type: DataType, isTry: Bool = false, rowCount: Int
    ) throws(KernelError) -> ColumnarValue {
        if value.type == type { return value }
        if value.isAllNull { return .scalar(.null(type)) }
        guard isSupported(from: value.type, to: type) else {
            throw KernelError(message: "cannot cast \(value.type.sqlName) to \(type.sqlName)")
        }
        switch value {
        case .column(let column): return .column(try convert(column, type, isTry))
        case .scalar:
            do {
                return .scalar(try convert(value.column(count: 1), type, isTry).scalar(at: 0))
            } catch {
                throw KernelError(message: error.message)
            }
        }
    }

    /// Whether a cast from one type to another exists at all.
    public static func isSupported(from: DataType, to: DataType) -> Bool {
        if from == to || from == .null { return true }
        if from.isNumeric && to.isNumeric { return true }
        switch (from, to) {
        case (_, .null): return false
        case (_, .utf8), (.utf8, .json): return true
        case (.binary, .json), (.interval, .json): return false
        case (_, .json): return true
        case (.utf8, _), (.json, .binary): return !to.isNested
        case (.json, _): return to == .boolean || to.isNumeric
        case (.boolean, _): return to.isInteger
        case (_, .boolean): return from.isInteger
        case (.list(let a), .list(let b)): return isSupported(from: a, to: b)
        case (.map(let k1, let v1), .map(let k2, let v2)):
            return isSupported(from: k1, to: k2) && isSupported(from: v1, to: v2)
        case (.structure(let a), .structure(let b)):
            guard let sources = memberSources(a, b) else { return false }
            return zip(sources, b).allSatisfy { isSupported(from: a[$0].type, to: $1.type) }
        default: return isTemporalPair(from, to)
        }
    }

    /// Whether the cast may happen by itself: every value of the one type has a place in the other.
    public static func isLossless(from: DataType, to: DataType) -> Bool {
        commonType(from, to) == to
    }

    private static func isTemporalPair(_ from: DataType, _ to: DataType) -> Bool {
        switch (from, to) {
        case (.date, .timestamp), (.date, .timestampTZ), (.timestamp, .timestampTZ), (.timestampTZ, .timestamp),
            (.timestamp, .date), (.timestampTZ, .date), (.timestamp, .time), (.timestampTZ, .time),
            (.time, .interval), (.interval, .time), (.date, .int32), (.date, .int64), (.int32, .date),
            (.int64, .date), (.timestamp, .int64), (.timestampTZ, .int64), (.int64, .timestamp),
            (.int64, .timestampTZ), (.time, .int64), (.int64, .time):
            true
        default: false
        }
    }

    /// Which member of the source each member of the target takes: by name when the names are the same ones in
    /// another order, else by position; nil when the counts differ.
    static func memberSources(_ from: [Field], _ to: [Field]) -> [Int]? {
        guard from.count == to.count else { return nil }
        let byName = to.map { field in from.firstIndex { $0.name == field.name } }
        if Set(byName).count == to.count, byName.allSatisfy({ $0 != nil }) { return byName.compactMap { $0 } }
        return Array(from.indices)
    }

    /// Dispatches on the pair of types, once per batch.
    static func convert(_ column: Column, _ type: DataType, _ isTry: Bool) throws(KernelError) -> Column {
        if column.type == type { return column }
        if column.type == .null { return .nulls(type, count: column.count) }
        let job = CastJob(column: column, type: type, isTry: isTry)
        if column.type.isNumeric && type.isNumeric { return try numeric(job) }
        switch (column.type, type) {
        case (.json, .utf8): return column.reinterpreted(as: .utf8)
        case (.json, .binary), (.utf8, .binary), (.binary, .utf8), (.utf8, .json): return try bytes(job)
        case (_, .json): return toJSON(job)
        case (_, .utf8): return toText(job)
        case (.utf8, _), (.json, _): return try fromText(job)
        case (.boolean, _), (_, .boolean): return try boolean(job)
        case (.list, .list), (.map, .map), (.structure, .structure): return try nested(job)
        default: return try temporal(job)
        }
    }
}

/// One conversion of a column.
struct CastJob {
    let column: Column
    let type: DataType
    let isTry: Bool

    var count: Int { column.count }

    var unsupported: KernelError {
        KernelError(message: "cannot cast \(column.type.sqlName) to \(type.sqlName)")
    }

    func outOfRange(_ value: some CustomStringConvertible) -> String {
        "value \(value) is out of range for \(type.sqlName)"
    }

    /// The error of text that cannot be read, with the text cut where it is long.
    func invalid(_ bytes: UnsafeRawBufferPointer) -> String {
        let shown = String(decoding: bytes.prefix(64), as: UTF8.self)
        return "invalid input for \(type.sqlName): '\(shown)\(bytes.count > 64 ? "…" : "")'"
    }

    /// Converts every row; nil from `body` is an error with the text of `message`, or a null when trying, unless the
    /// row is null anyway.
    @inline(__always)
    func eachRow<Value: BitwiseCopyable>(
        filler: Value, _ message: (Int) -> String, _ body: (Int) -> Value?
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: count * MemoryLayout<Value>.stride)
        let target = buffer.assuming(Value.self)
        var failures = CastFailures()
        for row in 0..<count {
            if let value = body(row) {
                target[row] = value
            } else {
                target[row] = filler
                if column.isNull(row) { continue }
                if !isTry { throw KernelError(row: row, message: message(row)) }
                failures.rows.append(row)
            }
        }
        return Column(type: type, count: count, validity: failures.excluded(column), values: buffer)
    }

    /// Converts every row without branches; only when a row is flagged are the rows looked at one by one.
    @inline(__always)
    func flagged<Source: BitwiseCopyable & CustomStringConvertible, Value: BitwiseCopyable>(
        _ source: UnsafePointer<Source>, _ result: Value.Type, _ body: (Source) -> (value: Value, isBad: Bool)
    ) throws(KernelError) -> Column {
        let buffer = Buffer(byteCount: count * MemoryLayout<Value>.stride)
        var hasBad = false
        mapRows(source, count, into: buffer.assuming(result)) { value in
            let (converted, isBad) = body(value)
            hasBad = hasBad || isBad
            return converted
        }
        var failures = CastFailures()
        if hasBad {
            for row in 0..<count where !column.isNull(row) && body(source[row]).isBad {
                if !isTry { throw KernelError(row: row, message: outOfRange(source[row])) }
                failures.rows.append(row)
            }
        }
        return Column(type: type, count: count, validity: failures.excluded(column), values: buffer)
    }
}

/// The rows that a trying cast could not convert.
struct CastFailures {
    var rows: [Int] = []

    /// The column's validity without the failed rows.
    func excluded(_ column: Column) -> Bitmap? {
        if rows.isEmpty { return column.validity }
        let bits = (column.validity ?? Bitmap(repeating: true, count: column.count)).mapWords { $0 }
        let bytes = bits.buffer.assuming(UInt8.self)
        for row in rows { bytes[row >> 3] &= ~(1 << UInt8(row & 7)) }
        return bits
    }
}
