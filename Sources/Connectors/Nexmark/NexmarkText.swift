import Columnar

/// Builds one text column of a batch: values are written into one data buffer sized beforehand.
struct NexmarkTextBuilder: ~Copyable {
    private let views: Buffer
    private let data: Buffer
    private var used = 0
    private let count: Int

    /// `values` is how many rows get a value, each of at most `lengthMax` bytes.
    init(count: Int, values: Int, lengthMax: Int) {
        self.count = count
        views = Buffer(byteCount: count * 16, zeroed: true)
        // Letters are written eight at a time, so the last value may spill over its end.
        data = Buffer(byteCount: values * lengthMax + 16)
    }

    /// Where the next value may be written.
    var end: UnsafeMutableRawPointer { data.pointer + used }

    /// Ends a value of `length` bytes for row `row`.
    @inline(__always)
    mutating func commit(_ row: Int, length: Int) {
        let start = data.pointer + used
        let target = views.assuming(StringView.self) + row
        if length <= StringView.inlineLimit {
            target.pointee = StringView(inlining: start, count: length)
        } else {
            target.pointee = StringView(referencing: start, count: length, bufferIndex: 0, offset: used)
            used &+= length
        }
    }

    consuming func finish() -> Column {
        Column(type: .utf8, count: count, values: views, dataBuffers: [data])
    }

    /// Writes `length` random lower-case letters, eight at a time.
    @inline(__always)
    static func letters(_ target: UnsafeMutableRawPointer, _ length: Int, _ draws: inout EventDraws) {
        var position = 0
        while position < length {
            let random = draws.next()
            let letters =
                (random & 0x0F0F_0F0F_0F0F_0F0F) &+ ((random &>> 4) & 0x0707_0707_0707_0707) &+ 0x6161_6161_6161_6161
            (target + position).storeBytes(of: letters, as: UInt64.self)
            position &+= 8
        }
    }
}

extension TextDictionary {
    static let cities = TextDictionary(NexmarkModel.cities)
    static let states = TextDictionary(NexmarkModel.states)
    /// All first names with all last names: index = first * 9 + last.
    static let names = TextDictionary(
        NexmarkModel.firstNames.flatMap { first in NexmarkModel.lastNames.map { "\(first) \($0)" } })
    static let channels = TextDictionary(
        NexmarkModel.hotChannels + (0..<NexmarkModel.channelCount).map { "channel-\($0)" })
    static let urls = TextDictionary(
        (0..<(4 + Int64(NexmarkModel.channelCount))).map { index in
            var draws = EventDraws(seed: 0, event: index, field: 0)
            func word() -> String {
                let length = 3 + draws.below(UInt64(2))
                return String(
                    decoding: (0..<length).map { _ in UInt8(97 + draws.below(UInt64(26))) }, as: UTF8.self)
            }
            let base = "https://www.nexmark.com/\(word())/\(word())/\(word())/item.htm?query=1"
            // Nine in ten of the other channels carry their id in the address.
            if index < 4 || draws.below(UInt64(10)) == 0 { return base }
            return base + "&channel_id=\(UInt32(truncatingIfNeeded: index - 4).byteSwapped & 0x7FFF_FFFF)"
        })
}
