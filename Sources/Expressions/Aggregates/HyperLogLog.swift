import Glibc

/// A sketch that counts different hashes: exact up to 128, then 4096 six-bit registers, kept as bytes.
///
/// The standard error is 1.04 / √4096 = 1.6 %.
struct HyperLogLog {
    private static let exactLimit = 128
    private static let precision: UInt64 = 12
    private static let registerCount = 1 << 12

    /// The hashes themselves while they are few, in ascending order.
    private var hashes: [UInt64] = []
    /// Empty while `hashes` is in use.
    private var registers: [UInt8] = []

    mutating func add(_ hash: UInt64) {
        // Hashes made for tables are too regular for the statistics of leading zeros.
        var hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        hash = (hash ^ (hash >> 32)) &* 0xD6E8_FEB8_6659_FD93
        addMixed(hash ^ (hash >> 32))
    }

    private mutating func addMixed(_ hash: UInt64) {
        if registers.isEmpty { addExactly(hash) } else { raise(hash) }
    }

    private mutating func addExactly(_ hash: UInt64) {
        var low = 0
        var high = hashes.count
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        if low < hashes.count && hashes[low] == hash { return }
        if hashes.count < Self.exactLimit { return hashes.insert(hash, at: low) }
        let known = hashes
        hashes = []
        registers = Array(repeating: 0, count: Self.registerCount)
        for hash in known { raise(hash) }
        raise(hash)
    }

    private mutating func raise(_ hash: UInt64) {
        let index = Int(hash >> (64 - Self.precision))
        let rest = (hash << Self.precision) | (1 << (Self.precision - 1))
        let rank = UInt8(rest.leadingZeroBitCount + 1)
        if registers[index] < rank { registers[index] = rank }
    }

    /// Adds what another sketch has seen, as `bytes` gave it.
    mutating func merge(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.registerCount + 1, bytes[0] == 1 else {
            for index in 0..<(bytes.count / 8) {
                addMixed(bytes.loadUnaligned(fromByteOffset: 1 + index * 8, as: UInt64.self))
            }
            return
        }
        if registers.isEmpty {
            let known = hashes
            hashes = []
            registers = Array(repeating: 0, count: Self.registerCount)
            for hash in known { raise(hash) }
        }
        for index in 0..<Self.registerCount where registers[index] < bytes[1 + index] {
            registers[index] = bytes[1 + index]
        }
    }

    /// The state: a byte that tells the form, then hashes or registers.
    var bytes: [UInt8] {
        guard registers.isEmpty else { return [1] + registers }
        var bytes: [UInt8] = [0]
        for hash in hashes { withUnsafeBytes(of: hash) { bytes.append(contentsOf: $0) } }
        return bytes
    }

    /// About how many different hashes there were.
    var estimate: Int64 {
        if registers.isEmpty { return Int64(hashes.count) }
        let count = Double(Self.registerCount)
        var sum = 0.0
        var zeros = 0.0
        for register in registers {
            sum += 1 / Double(UInt64(1) << UInt64(register))
            if register == 0 { zeros += 1 }
        }
        let raw = 0.7213 / (1 + 1.079 / count) * count * count / sum
        let value = raw <= 2.5 * count && zeros > 0 ? count * log(count / zeros) : raw
        return Int64(value.rounded())
    }

    var byteCount: Int { 32 + hashes.capacity * 8 + registers.capacity }
}
