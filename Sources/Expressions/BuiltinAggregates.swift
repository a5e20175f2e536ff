/// Every built-in aggregate function, a list per family.
let builtinAggregates: [AggregateFunction] =
    countingAggregates + foldingAggregates + statisticalAggregates + rowAggregates + collectingAggregates
    + approximateAggregates
