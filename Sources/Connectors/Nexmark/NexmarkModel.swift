import Columnar

/// The shapes and constants of the Nexmark benchmark's generator (Tucker et al., "NEXMark: a benchmark for queries
/// over data streams"; proportions and ratios as the public generators of that benchmark have them).
enum NexmarkModel {
    static let personProportion: Int64 = 1
    static let auctionProportion: Int64 = 3
    /// One person, three auctions and 46 bids make a round of 50 events.
    static let round: Int64 = 50
    static let firstPersonID: Int64 = 1000
    static let firstAuctionID: Int64 = 1000
    static let firstCategoryID: Int64 = 10
    static let categoryCount: UInt64 = 5
    /// Bids go to auctions of the last hundred, sellers are people of the last thousand.
    static let auctionsInFlight: Int64 = 100
    static let activePeople: Int64 = 1000
    /// Ids slightly ahead of those that exist.
    static let auctionLead: Int64 = 10
    static let personLead: Int64 = 10
    /// Hot ids are multiples of this.
    static let hotStride: Int64 = 100
    static let hotAuctionRatio: UInt64 = 2
    static let hotSellerRatio: UInt64 = 4
    static let hotBidderRatio: UInt64 = 4
    static let hotChannelRatio: UInt64 = 2
    static let channelCount: UInt64 = 10_000
    static let averagePersonBytes = 200
    static let averageAuctionBytes = 500
    static let averageBidBytes = 100

    static let hotChannels = ["Google", "Facebook", "Baidu", "Apple"]
    static let firstNames = [
        "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
    ]
    static let lastNames = [
        "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris",
    ]
    static let cities = [
        "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent",
        "Cheyenne",
    ]
    static let states = ["AZ", "CA", "ID", "OR", "WA", "WY"]

    static let person: [Field] = [
        Field("id", .int64), Field("name", .utf8), Field("email_address", .utf8), Field("credit_card", .utf8),
        Field("city", .utf8), Field("state", .utf8), Field("datetime", .timestamp), Field("extra", .utf8),
    ]
    static let auction: [Field] = [
        Field("id", .int64), Field("item_name", .utf8), Field("description", .utf8), Field("initial_bid", .int64),
        Field("reserve", .int64), Field("datetime", .timestamp), Field("expires", .timestamp),
        Field("seller", .int64), Field("category", .int64), Field("extra", .utf8),
    ]
    static let bid: [Field] = [
        Field("auction", .int64), Field("bidder", .int64), Field("price", .int64), Field("channel", .utf8),
        Field("url", .utf8), Field("datetime", .timestamp), Field("extra", .utf8),
    ]
    static let schema = Schema([
        Field("person", .structure(person)), Field("auction", .structure(auction)), Field("bid", .structure(bid)),
        Field(HiddenColumn.eventTime, .timestamp, isNullable: false),
    ])

    /// What kind of event a number in the sequence is.
    enum Kind: Int {
        case person, auction, bid

        @inline(__always)
        init(event: Int64) {
            let place = event % round
            self = place < personProportion ? .person : place < personProportion + auctionProportion ? .auction : .bid
        }
    }

    /// The newest person, counted from 0, when event `event` happens.
    @inline(__always)
    static func lastPerson(_ event: Int64) -> Int64 {
        event / round * personProportion + min(event % round, personProportion - 1)
    }

    /// The newest auction, counted from 0, when event `event` happens; −1 before the first.
    @inline(__always)
    static func lastAuction(_ event: Int64) -> Int64 {
        let epoch = event / round
        let place = event % round
        if place < personProportion { return epoch * auctionProportion - 1 }
        return epoch * auctionProportion + min(place - personProportion, auctionProportion - 1)
    }
}

/// Random draws for one field of one event: a function of seed, event and field alone, so that any subset of fields
/// can be made, in any order and at any parallelism, with the same values. (SplitMix64, Steele et al. 2014.)
struct NexmarkDraws {
    private var state: UInt64

    @inline(__always)
    init(seed: UInt64, event: Int64, field: UInt64) {
        state = seed &+ UInt64(bitPattern: event) &* 0xD129_0B1D_6F4F_2B7D &+ field &* 0xA24B_AED4_963E_E407
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }

    /// A number from 0 up to, not including, `bound`, which must be positive.
    @inline(__always)
    mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    @inline(__always)
    mutating func below(_ bound: Int64) -> Int64 { Int64(truncatingIfNeeded: below(UInt64(max(bound, 1)))) }

    /// A number from 0 up to, not including, 1.
    @inline(__always)
    mutating func fraction() -> Double { Double(next() &>> 11) * 0x1p-53 }
}
