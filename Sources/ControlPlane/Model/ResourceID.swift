import HostSystem
import Synchronization

/// Makes the ids of what users create: a prefix and 12 characters of base 32 that grow with time.
///
/// The letters are those of Crockford's base 32, in lower case: <https://www.crockford.com/base32.html>.
public enum ResourceID {
    public static let pipeline = "pl_"
    public static let job = "job_"
    public static let profile = "prof_"
    public static let table = "tbl_"

    /// Characters behind the prefix.
    public static let characterCount = 12
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    /// 42 bits of milliseconds last until 2109; the other 18 are random.
    private static let randomBits: UInt64 = 18
    private static let last = Mutex<UInt64>(0)

    /// A new id, e.g. `pl_06f3kq2m8x0t`; greater, as text, than every one this process has made before with that
    /// prefix, also when the clock is set back. About 100 ns.
    public static func make(_ prefix: String, _ clock: any WallClock, _ random: inout some RandomSource) -> String {
        let millis = UInt64(max(0, clock.nowNanoseconds() / 1_000_000)) & ((1 << 42) - 1)
        let drawn = millis << randomBits | random.next() >> (64 - randomBits)
        let value = last.withLock { last in
            last = max(drawn, last + 1)
            return last
        }
        return prefix + text(value)
    }

    /// The same with the host's random numbers.
    public static func make(_ prefix: String, _ clock: any WallClock = SystemWallClock()) -> String {
        var random = SystemRandomSource()
        return make(prefix, clock, &random)
    }

    /// Whether a text can be an id with that prefix.
    public static func isValid(_ text: String, prefix: String) -> Bool {
        guard text.hasPrefix(prefix) else { return false }
        let rest = text.utf8.dropFirst(prefix.utf8.count)
        return rest.count == characterCount && rest.allSatisfy(alphabet.contains)
    }

    private static func text(_ value: UInt64) -> String {
        var characters = [UInt8](repeating: alphabet[0], count: characterCount)
        var rest = value
        for index in characters.indices.reversed() {
            characters[index] = alphabet[Int(rest & 31)]
            rest >>= 5
        }
        return String(decoding: characters, as: UTF8.self)
    }
}
