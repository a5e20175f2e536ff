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
