import Columnar
import Glibc

/// The value of every single field of an event; pure functions of the seed and the event's number.
struct NexmarkFields {
    let seed: UInt64
    /// Event time of event 0, nanoseconds.
    let baseTime: Int64
    /// Event time between two events, nanoseconds.
    let intervalNanos: Int64

    /// Numbers the draws of a field; the order is part of what a seed means.
    enum Slot: UInt64 {
        case bidAuction = 1
        case bidder, price, channel, bidExtra
        case itemName, description, initialBid, reserve, expires, seller, category, auctionExtra
        case name, email, card, city, state, personExtra
    }

    @inline(__always)
    func draws(_ event: Int64, _ slot: Slot) -> EventDraws {
        EventDraws(seed: seed, event: event, field: slot.rawValue)
    }

    @inline(__always)
    func time(_ event: Int64) -> Int64 { baseTime &+ event &* intervalNanos }

    // MARK: - Bids

    @inline(__always)
    func bidAuction(_ event: Int64) -> Int64 {
        var draws = draws(event, .bidAuction)
        let last = NexmarkModel.lastAuction(event)
        let id: Int64
        if draws.below(NexmarkModel.hotAuctionRatio) > 0 {
            id = last / NexmarkModel.hotStride * NexmarkModel.hotStride
        } else {
            let oldest = max(last - NexmarkModel.auctionsInFlight, 0)
            id = oldest + draws.below(last - oldest + 1 + NexmarkModel.auctionLead)
        }
        return id + NexmarkModel.firstAuctionID
    }

    @inline(__always)
    func bidder(_ event: Int64) -> Int64 {
        var draws = draws(event, .bidder)
        if draws.below(NexmarkModel.hotBidderRatio) > 0 {
            let last = NexmarkModel.lastPerson(event)
            return last / NexmarkModel.hotStride * NexmarkModel.hotStride + 1 + NexmarkModel.firstPersonID
        }
        return anyPerson(event, &draws)
    }

    @inline(__always)
    private func anyPerson(_ event: Int64, _ draws: inout EventDraws) -> Int64 {
        let people = NexmarkModel.lastPerson(event) + 1
        let active = min(people, NexmarkModel.activePeople)
        return people - active + draws.below(active + NexmarkModel.personLead) + NexmarkModel.firstPersonID
    }

    @inline(__always)
    func price(_ event: Int64, _ slot: Slot) -> Int64 {
        var draws = draws(event, slot)
        // 10^(6u) * 100, between a dollar and a million.
        return Int64((exp2(draws.fraction() * 19.931568569324174) * 100).rounded())
    }

    /// Below four: a hot channel; else channel number + 4.
    @inline(__always)
    func channel(_ event: Int64) -> Int {
        var draws = draws(event, .channel)
        if draws.below(NexmarkModel.hotChannelRatio) > 0 { return Int(draws.below(UInt64(4))) }
        return 4 + Int(draws.below(NexmarkModel.channelCount))
    }

    // MARK: - Auctions

    @inline(__always)
    func reserve(_ event: Int64) -> Int64 { price(event, .initialBid) + price(event, .reserve) }

    @inline(__always)
    func expires(_ event: Int64) -> Int64 {
        var draws = draws(event, .expires)
        let eventsAhead = NexmarkModel.auctionsInFlight * NexmarkModel.round / NexmarkModel.auctionProportion
        let horizonMillis = eventsAhead &* intervalNanos / 1_000_000
        return time(event) &+ (1 + draws.below(max(horizonMillis &* 2, 1))) &* 1_000_000
    }

    @inline(__always)
    func seller(_ event: Int64) -> Int64 {
        var draws = draws(event, .seller)
        if draws.below(NexmarkModel.hotSellerRatio) > 0 {
            let last = NexmarkModel.lastPerson(event)
            return last / NexmarkModel.hotStride * NexmarkModel.hotStride + NexmarkModel.firstPersonID
        }
        return anyPerson(event, &draws)
    }

    @inline(__always)
    func category(_ event: Int64) -> Int64 {
        var draws = draws(event, .category)
        return NexmarkModel.firstCategoryID + Int64(draws.below(NexmarkModel.categoryCount))
    }

    // MARK: - Lengths of text

    /// The length of a word of three to `limit` − 1 letters: the first draw of its field.
    @inline(__always)
    func wordLength(_ event: Int64, _ slot: Slot, limit: UInt64) -> Int {
        var draws = draws(event, slot)
        return 3 + Int(draws.below(limit - 3))
    }

    /// The length of the filler that brings an event of `size` bytes to `average` on average, a fifth more or less.
    @inline(__always)
    func extraLength(_ event: Int64, _ slot: Slot, size: Int, average: Int) -> Int {
        if size >= average { return 0 }
        let wanted = average - size
        let delta = (wanted * 2 + 5) / 10
        if delta == 0 { return wanted }
        var draws = draws(event, slot)
        return wanted - delta + Int(draws.below(UInt64(2 * delta)))
    }
}
