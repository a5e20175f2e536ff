import Columnar

let rowAggregates: [AggregateFunction] = [
    AggregateFunction(
        "first_value", aliases: ["first"],
        documentation: FunctionDocumentation(
            "Gives the value of the first row, be it null.", syntax: "first_value(value ORDER BY …)"),
        isOrderSensitive: true, resolve: AggregateSignature.anyType,
        makeAccumulator: { types, _ in PositionalAccumulator(.first, type: types[0]) }),
    AggregateFunction(
        "last_value", aliases: ["last"],
        documentation: FunctionDocumentation(
            "Gives the value of the last row, be it null.", syntax: "last_value(value ORDER BY …)"),
        isOrderSensitive: true, resolve: AggregateSignature.anyType,
        makeAccumulator: { types, _ in PositionalAccumulator(.last, type: types[0]) }),
    AggregateFunction(
        "any_value",
        documentation: FunctionDocumentation("Gives some value that is not null.", syntax: "any_value(value)"),
        resolve: AggregateSignature.anyType,
        makeAccumulator: { types, _ in PositionalAccumulator(.any, type: types[0]) }),
    AggregateFunction(
        "nth_value",
        documentation: FunctionDocumentation(
            "Gives the value of the n-th row, counted from 1; null when there are fewer rows.",
            syntax: "nth_value(value, n ORDER BY …)"),
        isOrderSensitive: true, resolve: AggregateSignature.nthValue,
        makeAccumulator: { types, _ in NthValueAccumulator(type: types[0]) }),
    AggregateFunction(
        "min_by", aliases: ["arg_min"],
        documentation: FunctionDocumentation(
            "Gives the value of the row whose key is least; rows with a null key are left out.",
            syntax: "min_by(value, key)"),
        resolve: AggregateSignature.valueByKey,
        makeAccumulator: { types, _ in ExtremeRowAccumulator(isMaximum: false, types: types) }),
    AggregateFunction(
        "max_by", aliases: ["arg_max"],
        documentation: FunctionDocumentation(
            "Gives the value of the row whose key is greatest; rows with a null key are left out.",
            syntax: "max_by(value, key)"),
        resolve: AggregateSignature.valueByKey,
        makeAccumulator: { types, _ in ExtremeRowAccumulator(isMaximum: true, types: types) }),
]

let collectingAggregates: [AggregateFunction] = [
    AggregateFunction(
        "array_agg",
        documentation: FunctionDocumentation(
            "Collects all values, nulls included, into an array.", syntax: "array_agg(value ORDER BY …)"),
        isOrderSensitive: true, resolve: AggregateSignature.arrayOf,
        makeAccumulator: { types, _ in ArrayAccumulator(type: types[0]) }),
    AggregateFunction(
        "string_agg",
        documentation: FunctionDocumentation(
            "Joins the texts that are not null with a delimiter between them.",
            syntax: "string_agg(text, delimiter ORDER BY …)"),
        isOrderSensitive: true, resolve: AggregateSignature.textJoin,
        makeAccumulator: { _, _ in TextJoinAccumulator() }),
    AggregateFunction(
        "median",
        documentation: FunctionDocumentation(
            "Gives the middle value, or the mean of the two in the middle; exact.", syntax: "median(number)"),
        resolve: AggregateSignature.doubles(1), makeAccumulator: { _, _ in PercentileAccumulator(isMedian: true) }),
    AggregateFunction(
        "percentile_cont",
        documentation: FunctionDocumentation(
            "Gives the value at a fraction of the ordered values, interpolated; exact.",
            syntax: "percentile_cont(fraction) WITHIN GROUP (ORDER BY number)"),
        takesWithinGroup: true, resolve: AggregateSignature.doubles(2),
        makeAccumulator: { _, _ in PercentileAccumulator(isMedian: false) }),
    AggregateFunction(
        "mode",
        documentation: FunctionDocumentation(
            "Gives the most frequent value that is not null; of several the least.", syntax: "mode(value)"),
        takesWithinGroup: true, resolve: AggregateSignature.anyType,
        makeAccumulator: { types, _ in ModeAccumulator(type: types[0]) }),
]

let approximateAggregates: [AggregateFunction] = [
    AggregateFunction(
        "approx_distinct",
        documentation: FunctionDocumentation(
            "Estimates how many different values there are, with a standard error of 1.6 % (HyperLogLog).",
            syntax: "approx_distinct(value)"),
        resolve: AggregateSignature.approximateCount,
        makeAccumulator: { _, _ in ApproximateDistinct() }),
    AggregateFunction(
        "approx_percentile_cont",
        documentation: FunctionDocumentation(
            "Estimates the value at a fraction of the ordered values (t-digest).",
            syntax: "approx_percentile_cont(fraction) WITHIN GROUP (ORDER BY number)"),
        takesWithinGroup: true, resolve: AggregateSignature.doubles(2),
        makeAccumulator: { _, _ in ApproximatePercentile(.fraction) }),
    AggregateFunction(
        "approx_percentile_cont_with_weight",
        documentation: FunctionDocumentation(
            "Estimates the value at a fraction of the weight of the ordered values (t-digest).",
            syntax: "approx_percentile_cont_with_weight(weight, fraction) WITHIN GROUP (ORDER BY number)"),
        takesWithinGroup: true, resolve: AggregateSignature.doubles(3),
        makeAccumulator: { _, _ in ApproximatePercentile(.weighted) }),
    AggregateFunction(
        "approx_median",
        documentation: FunctionDocumentation("Estimates the middle value (t-digest).", syntax: "approx_median(number)"),
        resolve: AggregateSignature.doubles(1), makeAccumulator: { _, _ in ApproximatePercentile(.median) }),
]
