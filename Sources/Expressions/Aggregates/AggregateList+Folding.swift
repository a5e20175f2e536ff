import Columnar

let countingAggregates: [AggregateFunction] = [
    AggregateFunction(
        "count",
        documentation: FunctionDocumentation(
            "Counts rows, or those in which every argument is not null.", syntax: "count(*) or count(value, …)"),
        resolve: AggregateSignature.counted, makeAccumulator: { _, _ in CountAccumulator() }),
    AggregateFunction(
        "sum",
        documentation: FunctionDocumentation(
            "Adds up the values that are not null; an error when the total does not fit the result's type.",
            syntax: "sum(number)"),
        resolve: AggregateSignature.sum, makeAccumulator: { types, result in makeSum(.sum, types[0], result) }),
    AggregateFunction(
        "avg", aliases: ["mean"],
        documentation: FunctionDocumentation(
            "Computes the mean of the values that are not null.", syntax: "avg(number)"),
        resolve: AggregateSignature.average,
        makeAccumulator: { types, result in makeSum(.average, types[0], result) }),
]

let foldingAggregates: [AggregateFunction] = [
    AggregateFunction(
        "min",
        documentation: FunctionDocumentation("Gives the least value that is not null.", syntax: "min(value)"),
        resolve: AggregateSignature.anyType, makeAccumulator: { types, _ in makeExtreme(false, types[0]) }),
    AggregateFunction(
        "max",
        documentation: FunctionDocumentation("Gives the greatest value that is not null.", syntax: "max(value)"),
        resolve: AggregateSignature.anyType, makeAccumulator: { types, _ in makeExtreme(true, types[0]) }),
    AggregateFunction(
        "bool_and", aliases: ["every"],
        documentation: FunctionDocumentation(
            "Tells whether every value that is not null is true.", syntax: "bool_and(condition)"),
        resolve: AggregateSignature.boolean, makeAccumulator: { _, _ in BooleanFold(isConjunction: true) }),
    AggregateFunction(
        "bool_or",
        documentation: FunctionDocumentation("Tells whether any value is true.", syntax: "bool_or(condition)"),
        resolve: AggregateSignature.boolean, makeAccumulator: { _, _ in BooleanFold(isConjunction: false) }),
    AggregateFunction(
        "bit_and",
        documentation: FunctionDocumentation(
            "Combines the bits of all values that are not null by AND.", syntax: "bit_and(integer)"),
        resolve: AggregateSignature.integer, makeAccumulator: { types, _ in makeBitFold(.and, types[0]) }),
    AggregateFunction(
        "bit_or",
        documentation: FunctionDocumentation(
            "Combines the bits of all values that are not null by OR.", syntax: "bit_or(integer)"),
        resolve: AggregateSignature.integer, makeAccumulator: { types, _ in makeBitFold(.or, types[0]) }),
    AggregateFunction(
        "bit_xor",
        documentation: FunctionDocumentation(
            "Combines the bits of all values that are not null by exclusive OR.", syntax: "bit_xor(integer)"),
        resolve: AggregateSignature.integer, makeAccumulator: { types, _ in makeBitFold(.xor, types[0]) }),
]

private func makeSum(_ result: SumResult, _ type: DataType, _ returnType: DataType) -> any GroupsAccumulator {
    switch type {
    case .int8: IntegerSums<Int8>(result)
    case .int16: IntegerSums<Int16>(result)
    case .int32: IntegerSums<Int32>(result)
    case .uint8: IntegerSums<UInt8>(result)
    case .uint16: IntegerSums<UInt16>(result)
    case .uint32: IntegerSums<UInt32>(result)
    case .uint64: IntegerSums<UInt64>(result)
    case .decimal(_, let scale): DecimalSums(result, scale: scale, type: returnType)
    case .float64: FloatSums(result)
    case .interval: IntervalSums()
    default: IntegerSums<Int64>(result)
    }
}

private func makeExtreme(_ isMaximum: Bool, _ type: DataType) -> any GroupsAccumulator {
    switch type {
    case .boolean: BooleanFold(isConjunction: !isMaximum)
    case .int8: FixedExtremes<Int8>(isMaximum: isMaximum, type: type)
    case .int16: FixedExtremes<Int16>(isMaximum: isMaximum, type: type)
    case .int32, .date: FixedExtremes<Int32>(isMaximum: isMaximum, type: type)
    case .int64, .time, .timestamp, .timestampTZ: FixedExtremes<Int64>(isMaximum: isMaximum, type: type)
    case .uint8: FixedExtremes<UInt8>(isMaximum: isMaximum, type: type)
    case .uint16: FixedExtremes<UInt16>(isMaximum: isMaximum, type: type)
    case .uint32: FixedExtremes<UInt32>(isMaximum: isMaximum, type: type)
    case .uint64: FixedExtremes<UInt64>(isMaximum: isMaximum, type: type)
    case .float32: FixedExtremes<Float>(isMaximum: isMaximum, type: type)
    case .float64: FixedExtremes<Double>(isMaximum: isMaximum, type: type)
    case .decimal: FixedExtremes<Int128>(isMaximum: isMaximum, type: type)
    case .utf8, .binary, .json: TextExtremes(isMaximum: isMaximum, type: type)
    case .null, .interval, .list, .structure, .map: ExtremeRowAccumulator(isMaximum: isMaximum, types: [type])
    }
}

private enum BitFoldKind { case and, or, xor }

private func makeBitFold(_ kind: BitFoldKind, _ type: DataType) -> any GroupsAccumulator {
    func of<Input: FixedWidthInteger & BitwiseCopyable>(_ width: Input.Type) -> any GroupsAccumulator {
        switch kind {
        case .and: BitFold<Input>(.and, type: type)
        case .or: BitFold<Input>(.or, type: type)
        case .xor: BitFold<Input>(.xor, type: type)
        }
    }
    return switch type {
    case .int8: of(Int8.self)
    case .int16: of(Int16.self)
    case .int32: of(Int32.self)
    case .uint8: of(UInt8.self)
    case .uint16: of(UInt16.self)
    case .uint32: of(UInt32.self)
    case .uint64: of(UInt64.self)
    default: of(Int64.self)
    }
}
