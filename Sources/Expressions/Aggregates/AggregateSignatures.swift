import Columnar

/// Overload resolution shared by the aggregate functions.
enum AggregateSignature {
    /// Checks the number of arguments.
    static func expect(_ count: ClosedRange<Int>, _ types: [DataType]) throws(SignatureError) {
        guard count.contains(types.count) else {
            let wanted = count.count == 1 ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
            throw SignatureError("takes \(wanted) argument\(wanted == "1" ? "" : "s"): found \(types.count)")
        }
    }

    /// One argument of any type, returned as it is.
    static let anyType: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        let type = types[0] == .null ? DataType.utf8 : types[0]
        return ResolvedSignature([type], returns: type)
    }

    /// Numbers as doubles; `count` of them.
    static func doubles(_ count: Int, returns result: DataType = .float64) -> ScalarFunction.Resolver {
        { types throws(SignatureError) in
            try expect(count...count, types)
            for type in types where !type.isNumeric && type != .null {
                throw SignatureError("takes numbers: found \(type.sqlName)")
            }
            return ResolvedSignature(types.map { _ in .float64 }, returns: result)
        }
    }

    static let sum: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        switch types[0] {
        case .null: return ResolvedSignature([.int64], returns: .int64)
        case .float32, .float64: return ResolvedSignature([.float64], returns: .float64)
        case .interval: return ResolvedSignature([.interval], returns: .interval)
        case .decimal(_, let scale):
            return ResolvedSignature(types, returns: .decimal(precision: 38, scale: scale))
        case let type where type.isSignedInteger: return ResolvedSignature(types, returns: .int64)
        case let type where type.isUnsignedInteger: return ResolvedSignature(types, returns: .uint64)
        default: throw SignatureError("takes a number or an interval: found \(types[0].sqlName)")
        }
    }

    static let average: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        switch types[0] {
        case .null, .float32, .float64: return ResolvedSignature([.float64], returns: .float64)
        case .decimal(_, let scale):
            return ResolvedSignature(types, returns: .decimal(precision: 38, scale: max(scale, 6)))
        case let type where type.isInteger: return ResolvedSignature(types, returns: .float64)
        default: throw SignatureError("takes a number: found \(types[0].sqlName)")
        }
    }

    static let boolean: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        guard types[0] == .boolean || types[0] == .null else {
            throw SignatureError("takes a boolean: found \(types[0].sqlName)")
        }
        return ResolvedSignature([.boolean], returns: .boolean)
    }

    static let integer: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        if types[0] == .null { return ResolvedSignature([.int64], returns: .int64) }
        guard types[0].isInteger else { throw SignatureError("takes an integer: found \(types[0].sqlName)") }
        return ResolvedSignature(types, returns: types[0])
    }

    /// A value and the key that picks it.
    static let valueByKey: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(2...2, types)
        let known = types.map { $0 == .null ? DataType.utf8 : $0 }
        return ResolvedSignature(known, returns: known[0])
    }

    static let nthValue: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(2...2, types)
        guard types[1].isInteger else { throw SignatureError("takes an integer position: found \(types[1].sqlName)") }
        let value = types[0] == .null ? DataType.utf8 : types[0]
        return ResolvedSignature([value, .int64], returns: value)
    }

    static let textJoin: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(2...2, types)
        for type in types where !type.isText && type != .null {
            throw SignatureError("takes text: found \(type.sqlName)")
        }
        return ResolvedSignature([.utf8, .utf8], returns: .utf8)
    }

    static let counted: ScalarFunction.Resolver = { types throws(SignatureError) in
        ResolvedSignature(types, returns: .int64)
    }

    static let arrayOf: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        let type = types[0] == .null ? DataType.utf8 : types[0]
        return ResolvedSignature([type], returns: .list(type))
    }

    static let approximateCount: ScalarFunction.Resolver = { types throws(SignatureError) in
        try expect(1...1, types)
        return ResolvedSignature(types, returns: .int64)
    }
}
