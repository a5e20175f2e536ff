import Codecs
import Columnar

/// Message digests and hashes of text and binary values.
let hashFunctions: [ScalarFunction] =
    [
        ScalarFunction(
            "md5", family: .hash, "md5(value)", "Gives the MD5 digest of a value as hexadecimal text.",
            examples: [("md5('abc')", "900150983cd24fb0d6963f7d28e17f72")], takes: ParameterList(.textOrBinary),
            returns: .utf8, canFail: true, kernel: HashKernels.md5),
        ScalarFunction(
            "digest", family: .hash, "digest(value, algorithm)",
            "Gives a digest of a value: " + Digester.algorithms.map(\.name).joined(separator: ", ") + ".",
            examples: [
                (
                    "encode(digest('abc', 'sha256'), 'hex')",
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
                )
            ], takes: ParameterList(.textOrBinary, .text), returns: .binary, canFail: true,
            kernel: HashKernels.digest),
        ScalarFunction(
            "hash64", aliases: ["xxhash64"], family: .hash, "hash64(value)",
            "Gives the 64-bit xxHash of a value, stable across versions; not for secrets.",
            examples: [("hash64('')", "-1205034819632174695")], takes: ParameterList(.textOrBinary), returns: .int64,
            kernel: HashKernels.hash64),
    ]
    + [("sha224", "SHA-224"), ("sha256", "SHA-256"), ("sha384", "SHA-384"), ("sha512", "SHA-512")].map { name, title in
        ScalarFunction(
            name, family: .hash, "\(name)(value)", "Gives the \(title) digest of a value.",
            examples: [("length(\(name)('abc'))", "\((Int(name.dropFirst(3)) ?? 0) / 8)")],
            takes: ParameterList(.textOrBinary), returns: .binary, canFail: true
        ) { (arguments) throws(KernelError) in try HashKernels.fixedDigest(arguments, name) }
    }

/// Kernels of the digests and hashes.
enum HashKernels {
    static func md5(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        let values = arguments.text(0)
        let digester = try Digester("md5")
        let room = Buffer(byteCount: digester.byteCount)
        let digest = room.assuming(UInt8.self)
        return try arguments.makeText { (row, result) throws(KernelError) in
            try digester.digest(values[row], to: digest)
            let target = result.reserve(digester.byteCount &* 2).assumingMemoryBound(to: UInt8.self)
            BinaryFormat.writeHex(UnsafeRawBufferPointer(start: room.pointer, count: digester.byteCount), to: target)
            result.commit(digester.byteCount &* 2)
        }
    }

    static func fixedDigest(_ arguments: FunctionArguments, _ name: String) throws(KernelError) -> ColumnarValue {
        let values = arguments.text(0)
        let digester = try Digester(name)
        return try arguments.makeText { (row, result) throws(KernelError) in
            try append(values[row], digester, &result)
        }
    }

    private static func append(
        _ bytes: UnsafeRawBufferPointer, _ digester: Digester, _ result: inout ViewBuilder
    ) throws(KernelError) {
        let target = result.reserve(digester.byteCount).assumingMemoryBound(to: UInt8.self)
        try digester.digest(bytes, to: target)
        result.commit(digester.byteCount)
    }

    static func digest(_ arguments: FunctionArguments) throws(KernelError) -> ColumnarValue {
        if arguments.hasNullConstant { return .scalar(.null(.binary)) }
        let values = arguments.text(0)
        let names = arguments.text(1)
        var digesters: [String: Digester] = [:]
        let constant = names.isConstant ? try Digester(String(decoding: names[0], as: UTF8.self)) : nil
        return try arguments.makeText { (row, result) throws(KernelError) in
            if let constant { return try append(values[row], constant, &result) }
            let name = String(decoding: names[row], as: UTF8.self)
            do throws(KernelError) {
                let digester = if let known = digesters[name] { known } else { try Digester(name) }
                digesters[name] = digester
                try append(values[row], digester, &result)
            } catch {
                throw KernelError(row: row, message: error.message)
            }
        }
    }

    static func hash64(_ arguments: FunctionArguments) -> ColumnarValue {
        let values = arguments.text(0)
        return arguments.makeValues(Int64.self) { row in Int64(bitPattern: XXHash64.hash(values[row])) }
    }
}
