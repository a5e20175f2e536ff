import Columnar
import Expressions

/// One rewrite of logical plans that keeps their meaning.
public protocol OptimizerRule: Sendable {
    /// The name that switches it off, e.g. `filter_push_down`.
    var name: String { get }

    /// The rewritten plan; the same plan when there is nothing to do.
    func apply(to plan: LogicalPlan, context: OptimizerContext) -> LogicalPlan
}

/// What rules may use.
public struct OptimizerContext: Sendable {
    public let registry: FunctionRegistry
    /// Whether bounded input is treated like endless.
    public var isStreaming = false

    public init(registry: FunctionRegistry) { self.registry = registry }

    /// Whether evaluating the expression can fail on some row; such work must not move to rows that would not see it.
    func canFail(_ expression: BoundExpression) -> Bool {
        var result = false
        expression.visit { node in
            switch node {
            // A time moved by a constant leaves the range of times only beyond the years 1677 and 2262.
            case .arithmetic(.add, _, .literal, let type) where type.isTimestamp: break
            case .arithmetic(.subtract, _, .literal, let type) where type.isTimestamp: break
            case .arithmetic(_, _, _, let type) where !type.isFloat: result = true
            case .arithmetic(.divide, _, _, _), .arithmetic(.remainder, _, _, _): result = true
            case .negate(let operand) where !operand.type.isFloat: result = true
            case .cast(let operand, let type, isTry: false) where !Cast.isLossless(from: operand.type, to: type):
                result = true
            case .call(let call): if registry.scalar(call.name)?.canFail ?? true { result = true }
            default: break
            }
        }
        return result
    }

    /// Whether the expression gives the same for the same row whenever and wherever it is computed.
    func isDeterministic(_ expression: BoundExpression) -> Bool {
        var result = true
        expression.visit { node in
            if case .call(let call) = node, registry.scalar(call.name)?.volatility == .volatile { result = false }
        }
        return result
    }
}

/// Runs the rules in order; every rule is named, timed and can be switched off.
public struct Optimizer: Sendable {
    /// The rules with the reason for their place.
    public static let rules: [any OptimizerRule] = [
        // First, so that all later rules see plain constants and flat conjunctions.
        SimplifyExpressionsRule(),
        // Before push-down: an inner join lets filters pass on both sides.
        OuterToInnerRule(),
        FilterPushDownRule(),
        // Push-down turns residuals into new conjuncts of joins; keys are found among them.
        EquiJoinKeysRule(),
        // Needs the keys, and comes before pruning drops event times that nobody else reads.
        WindowedOperatorsRule(),
        // Filters that arrived at a side may strengthen outer joins below.
        OuterToInnerRule(pass: 2),
        FilterPushDownRule(pass: 2),
        LimitPushDownRule(),
        MergeProjectionsRule(),
        PruneColumnsRule(),
        // Only after pruning is it known which members of a struct anybody reads.
        NarrowStructsRule(),
        // Pruning leaves projections that only pass columns on.
        MergeProjectionsRule(pass: 2),
    ]

    /// Rules that must run whatever is switched off, because plans without them cannot be run.
    static let required: Set<String> = ["equi_join_keys", "windowed_operators"]

    public let disabled: Set<String>
    public let context: OptimizerContext

    /// `disabled` names rules; `all` switches off every one that is not required.
    public init(registry: FunctionRegistry, disabled: Set<String> = []) {
        self.disabled = disabled
        context = OptimizerContext(registry: registry)
    }

    /// With `isStreaming` bounded input is treated like endless.
    public func optimize(_ plan: LogicalPlan, isStreaming: Bool = false) -> LogicalPlan {
        var plan = plan
        var context = context
        context.isStreaming = isStreaming
        for rule in Optimizer.rules where isEnabled(rule.name) {
            let rewritten = rule.apply(to: plan, context: context)
            assert(
                PlanCheck.problem(in: rewritten) == nil,
                "rule \(rule.name): \(PlanCheck.problem(in: rewritten) ?? "")")
            plan = rewritten
        }
        return plan
    }

    private func isEnabled(_ name: String) -> Bool {
        if Optimizer.required.contains(name) { return true }
        return !disabled.contains(name) && !disabled.contains("all")
    }
}
