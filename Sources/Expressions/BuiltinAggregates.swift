/// Every built-in aggregate function.
let builtinAggregates: [AggregateFunction] = []
