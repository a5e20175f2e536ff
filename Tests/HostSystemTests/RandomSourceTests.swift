import HostSystem
import Testing

@Suite struct RandomSourceTests {
    @Test func `SplitMix64 gives the published sequence`() {
        var source = SplitMix64(seed: 1_234_567)
        let numbers = (0..<5).map { _ in source.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test func `xoshiro256 gives the published sequence`() {
        var source = Xoshiro256(state: (1, 2, 3, 4))
        let numbers = (0..<5).map { _ in source.next() }
        #expect(numbers == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360])
    }

    @Test func `equal seeds give equal numbers and others do not`() {
        var first = Xoshiro256(seed: 42)
        var second = Xoshiro256(seed: 42)
        var third = Xoshiro256(seed: 43)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in third.next() })
        #expect(Set(numbers).count == 100)
    }

    @Test func `clocks go forward`() {
        let steady = SystemMonotonicClock()
        let first = steady.elapsedNanoseconds()
        #expect(steady.elapsedNanoseconds() >= first)
        // Any date after 2020 will do.
        #expect(SystemWallClock().nowNanoseconds() > 1_577_836_800_000_000_000)
    }

    @Test func `limits have distinct names and are positive`() {
        #expect(Set(Limits.all.map(\.name)).count == Limits.all.count)
        #expect(Limits.all.allSatisfy { $0.value > 0 && !$0.documentation.isEmpty })
    }

    @Test func `an operational error tells its context last`() {
        let error = OperationalError("disk is full: expected 10 bytes, found 3", domain: .external, isRetryable: true)
        #expect(error.description == "disk is full: expected 10 bytes, found 3")
        #expect(
            error.adding("operator", "sink").adding("row", "7").description
                == "disk is full: expected 10 bytes, found 3 [operator=sink, row=7]")
        #expect(!OperationalError(FileError(.open, path: "x", errno: 2)).isRetryable)
    }
}
