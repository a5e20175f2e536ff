import Columnar

/// Makes batches of Nexmark events as columns, only the fields that the schema names.
struct NexmarkGenerator {
    let fields: NexmarkFields
    /// The columns to make, whose struct types hold the members wanted.
    let schema: Schema

    /// The events `first`, `first + stride`, … , `count` of them.
    func batch(first: Int64, stride: Int64, count: Int) -> RecordBatch {
        let events = Events(first: first, stride: stride, count: count)
        let columns = schema.fields.map { field -> Column in
            switch field.name {
            case "person": structure(.person, field.type, events)
            case "auction": structure(.auction, field.type, events)
            case "bid": structure(.bid, field.type, events)
            default: times(events)
            }
        }
        return RecordBatch(schema: schema, columns: columns, rowCount: count)
    }

    /// The numbers of a batch's events.
    private struct Events {
        let first: Int64
        let stride: Int64
        let count: Int

        /// The rows of one kind, and their numbers in the sequence.
        @inline(__always)
        func forEach(_ kind: NexmarkModel.Kind, _ body: (_ row: Int, _ event: Int64) -> Void) {
            var event = first
            var place = first % NexmarkModel.round
            let step = stride % NexmarkModel.round
            for row in 0..<count {
                let isPerson = place < NexmarkModel.personProportion
                let isBid = place >= NexmarkModel.personProportion + NexmarkModel.auctionProportion
                let matches =
                    switch kind {
                    case .person: isPerson
                    case .auction: !isPerson && !isBid
                    case .bid: isBid
                    }
                if matches { body(row, event) }
                event &+= stride
                place &+= step
                if place >= NexmarkModel.round { place &-= NexmarkModel.round }
            }
        }
    }

    private func times(_ events: Events) -> Column {
        let buffer = Buffer(byteCount: events.count * 8)
        let values = buffer.assuming(Int64.self)
        for row in 0..<events.count { values[row] = fields.time(events.first &+ Int64(row) &* events.stride) }
        return Column(type: .timestamp, count: events.count, values: buffer)
    }

    private func structure(_ kind: NexmarkModel.Kind, _ type: DataType, _ events: Events) -> Column {
        let bits = Buffer(byteCount: (events.count + 63) / 64 * 8, zeroed: true)
        let bytes = bits.assuming(UInt8.self)
        var present = 0
        events.forEach(kind) { row, _ in
            bytes[row &>> 3] |= 1 &<< UInt8(truncatingIfNeeded: row & 7)
            present &+= 1
        }
        let validity = present == events.count ? nil : Bitmap(buffer: bits, count: events.count)
        let members = (type.structureFields ?? []).map { field in
            switch kind {
            case .person: personMember(field.name, events, present)
            case .auction: auctionMember(field.name, events, present)
            case .bid: bidMember(field.name, events, present)
            }
        }
        return Column(type: type, count: events.count, validity: validity, children: members)
    }

    // MARK: - Members

    private func bidMember(_ name: String, _ events: Events, _ present: Int) -> Column {
        switch name {
        case "auction": return numbers(.bid, events) { fields.bidAuction($0) }
        case "bidder": return numbers(.bid, events) { fields.bidder($0) }
        case "price": return numbers(.bid, events) { fields.price($0, .price) }
        case "channel": return looked(up: .channels, .bid, events) { fields.channel($0) }
        case "url": return looked(up: .urls, .bid, events) { fields.channel($0) }
        case "datetime": return moments(.bid, events) { fields.time($0) }
        default:
            return extras(.bid, events, present, .bidExtra, average: NexmarkModel.averageBidBytes) { _ in 32 }
        }
    }

    private func auctionMember(_ name: String, _ events: Events, _ present: Int) -> Column {
        switch name {
        case "id":
            return numbers(.auction, events) { NexmarkModel.lastAuction($0) + NexmarkModel.firstAuctionID }
        case "item_name": return words(.auction, events, present, .itemName, limit: 20)
        case "description": return words(.auction, events, present, .description, limit: 100)
        case "initial_bid": return numbers(.auction, events) { fields.price($0, .initialBid) }
        case "reserve": return numbers(.auction, events) { fields.reserve($0) }
        case "datetime": return moments(.auction, events) { fields.time($0) }
        case "expires": return moments(.auction, events) { fields.expires($0) }
        case "seller": return numbers(.auction, events) { fields.seller($0) }
        case "category": return numbers(.auction, events) { fields.category($0) }
        default:
            return extras(.auction, events, present, .auctionExtra, average: NexmarkModel.averageAuctionBytes) {
                48 + fields.wordLength($0, .itemName, limit: 20) + fields.wordLength($0, .description, limit: 100)
            }
        }
    }

    private func personMember(_ name: String, _ events: Events, _ present: Int) -> Column {
        switch name {
        case "id": return numbers(.person, events) { NexmarkModel.lastPerson($0) + NexmarkModel.firstPersonID }
        case "name": return looked(up: .names, .person, events) { index($0, .name, of: .names) }
        case "email_address": return emails(events, present)
        case "credit_card": return cards(events, present)
        case "city": return looked(up: .cities, .person, events) { index($0, .city, of: .cities) }
        case "state": return looked(up: .states, .person, events) { index($0, .state, of: .states) }
        case "datetime": return moments(.person, events) { fields.time($0) }
        default:
            return extras(.person, events, present, .personExtra, average: NexmarkModel.averagePersonBytes) {
                let name = TextDictionary.names.views[index($0, .name, of: .names)].length
                let city = TextDictionary.cities.views[index($0, .city, of: .cities)].length
                return 8 + name + emailLength($0) + 19 + city + 2
            }
        }
    }

    // MARK: - Columns

    private func numbers(_ kind: NexmarkModel.Kind, _ events: Events, _ value: (Int64) -> Int64) -> Column {
        let buffer = Buffer(byteCount: events.count * 8, zeroed: true)
        let values = buffer.assuming(Int64.self)
        events.forEach(kind) { row, event in values[row] = value(event) }
        return Column(type: .int64, count: events.count, values: buffer)
    }

    private func moments(_ kind: NexmarkModel.Kind, _ events: Events, _ value: (Int64) -> Int64) -> Column {
        numbers(kind, events, value).reinterpreted(as: .timestamp)
    }

    private func looked(
        up dictionary: TextDictionary, _ kind: NexmarkModel.Kind, _ events: Events, _ index: (Int64) -> Int
    ) -> Column {
        let buffer = Buffer(byteCount: events.count * 16, zeroed: true)
        let views = buffer.assuming(StringView.self)
        dictionary.views.withUnsafeBufferPointer { known in
            events.forEach(kind) { row, event in views[row] = known[index(event)] }
        }
        return Column(type: .utf8, count: events.count, values: buffer, dataBuffers: [dictionary.data])
    }

    private func index(_ event: Int64, _ slot: NexmarkFields.Slot, of dictionary: TextDictionary) -> Int {
        var draws = fields.draws(event, slot)
        return Int(draws.below(UInt64(dictionary.views.count)))
    }

    private func words(
        _ kind: NexmarkModel.Kind, _ events: Events, _ present: Int, _ slot: NexmarkFields.Slot, limit: UInt64
    ) -> Column {
        var builder = NexmarkTextBuilder(count: events.count, values: present, lengthMax: Int(limit))
        events.forEach(kind) { row, event in
            var draws = fields.draws(event, slot)
            let length = 3 + Int(draws.below(limit - 3))
            NexmarkTextBuilder.letters(builder.end, length, &draws)
            builder.commit(row, length: length)
        }
        return builder.finish()
    }

    private func extras(
        _ kind: NexmarkModel.Kind, _ events: Events, _ present: Int, _ slot: NexmarkFields.Slot, average: Int,
        size: (Int64) -> Int
    ) -> Column {
        var builder = NexmarkTextBuilder(count: events.count, values: present, lengthMax: average * 6 / 5 + 1)
        events.forEach(kind) { row, event in
            let length = fields.extraLength(event, slot, size: size(event), average: average)
            var draws = fields.draws(event, slot)
            NexmarkTextBuilder.letters(builder.end, length, &draws)
            builder.commit(row, length: length)
        }
        return builder.finish()
    }

    private func emailLength(_ event: Int64) -> Int {
        var draws = fields.draws(event, .email)
        return 3 + Int(draws.below(UInt64(4))) + 3 + Int(draws.below(UInt64(2))) + 5
    }

    private func emails(_ events: Events, _ present: Int) -> Column {
        var builder = NexmarkTextBuilder(count: events.count, values: present, lengthMax: 24)
        events.forEach(.person) { row, event in
            var draws = fields.draws(event, .email)
            let name = 3 + Int(draws.below(UInt64(4)))
            let host = 3 + Int(draws.below(UInt64(2)))
            let start = builder.end
            NexmarkTextBuilder.letters(start, name, &draws)
            start.storeBytes(of: UInt8(ascii: "@"), toByteOffset: name, as: UInt8.self)
            NexmarkTextBuilder.letters(start + name + 1, host, &draws)
            // ".com", least significant byte first.
            (start + name + 1 + host).storeBytes(of: 0x6D6F_632E, as: UInt32.self)
            builder.commit(row, length: name + 1 + host + 4)
        }
        return builder.finish()
    }

    private func cards(_ events: Events, _ present: Int) -> Column {
        var builder = NexmarkTextBuilder(count: events.count, values: present, lengthMax: 19)
        events.forEach(.person) { row, event in
            var draws = fields.draws(event, .card)
            let start = builder.end
            for position in 0..<19 {
                let digit = position % 5 == 4 ? UInt8(ascii: " ") : UInt8(48 + draws.below(UInt64(10)))
                start.storeBytes(of: digit, toByteOffset: position, as: UInt8.self)
            }
            builder.commit(row, length: 19)
        }
        return builder.finish()
    }
}
