import Columnar

private func spread(
    _ name: String, _ aliases: [String], _ kind: SpreadKind, _ summary: String
) -> AggregateFunction {
    AggregateFunction(
        name, aliases: aliases, documentation: FunctionDocumentation(summary, syntax: "\(name)(number)"),
        resolve: AggregateSignature.doubles(1), makeAccumulator: { _, _ in SpreadAccumulator(kind) })
}

private func pair(
    _ name: String, _ aliases: [String], _ measure: PairMeasure, _ summary: String,
    returns result: DataType = .float64
) -> AggregateFunction {
    AggregateFunction(
        name, aliases: aliases, documentation: FunctionDocumentation(summary, syntax: "\(name)(y, x)"),
        resolve: AggregateSignature.doubles(2, returns: result), makeAccumulator: { _, _ in PairAccumulator(measure) })
}

let statisticalAggregates: [AggregateFunction] = [
    spread(
        "stddev", ["stddev_samp"], .deviationOfSample,
        "Computes the standard deviation of a sample; null for fewer than two values."),
    spread(
        "stddev_pop", ["stddev_population"], .deviationOfPopulation,
        "Computes the standard deviation of a population."),
    spread(
        "var", ["var_samp", "var_sample", "variance"], .varianceOfSample,
        "Computes the variance of a sample; null for fewer than two values."),
    spread("var_pop", ["var_population"], .varianceOfPopulation, "Computes the variance of a population."),
    pair(
        "corr", [], .correlation,
        "Computes the correlation coefficient; null when one of the arguments does not vary."),
    pair(
        "covar", ["covar_samp"], .covarianceOfSample,
        "Computes the covariance of a sample; null for fewer than two pairs."),
    pair("covar_pop", [], .covarianceOfPopulation, "Computes the covariance of a population."),
    pair("regr_slope", [], .slope, "Computes the slope of the least-squares line of y over x."),
    pair("regr_intercept", [], .intercept, "Computes where the least-squares line of y over x meets x = 0."),
    pair("regr_count", [], .count, "Counts the pairs in which neither argument is null.", returns: .int64),
    pair("regr_r2", [], .rSquared, "Computes the square of the correlation coefficient."),
    pair("regr_avgx", [], .averageX, "Computes the mean of x over the complete pairs."),
    pair("regr_avgy", [], .averageY, "Computes the mean of y over the complete pairs."),
    pair("regr_sxx", [], .sumXX, "Adds up the squared differences of x from its mean."),
    pair("regr_syy", [], .sumYY, "Adds up the squared differences of y from its mean."),
    pair("regr_sxy", [], .sumXY, "Adds up the products of the differences of x and y from their means."),
]
