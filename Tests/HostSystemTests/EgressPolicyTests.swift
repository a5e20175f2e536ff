import HostSystem
import Testing

@Suite struct EgressPolicyTests {
    /// What a policy says of a target before any look-up; nil: nothing against it.
    static func refusal(_ text: String, _ mode: EgressPolicy.Mode) -> String? {
        do throws(EgressRefusal) {
            try EgressPolicy(mode).check(EgressTarget(text))
            return nil
        } catch {
            return error.message
        }
    }

    @Test(
        "what is not public is refused where only public addresses may be connected to, however it is written",
        arguments: [
            "127.0.0.1:80", "127.1:80", "127.255.255.254:80", "2130706433:80", "0x7f000001:80", "0x7F.0.0.1:80",
            "0177.0.0.1:80", "0177.0.0.01:80", "017700000001:80", "127.0x0.0.1:80", "http://127.0.0.1.",
            "localhost:80", "LOCALHOST:80", "localhost.:80", "a.localhost:80", "http://localhost/x", "[::1]:80",
            "[0:0:0:0:0:0:0:1]:80", "[::]:80", "0.0.0.0:80", "0:80", "0x0:80", "10.0.0.1:80", "10.255.255.255:80",
            "012.0.0.1:80", "172.16.0.1:80", "172.31.255.255:80", "192.168.0.1:80", "192.168.1:80", "100.64.0.1:80",
            "169.254.1.1:80", "169.254.169.254:80", "http://169.254.169.254/latest/meta-data", "2852039166:80",
            "0xA9FEA9FE:80", "169.254.170.2:80", "100.100.100.200:80", "192.0.0.192:80",
            "metadata.google.internal:80", "metadata.google.internal.:80", "metadata:80",
            "[::ffff:127.0.0.1]:80", "[::ffff:7f00:1]:80", "[::ffff:169.254.169.254]:80", "[::127.0.0.1]:80",
            "[64:ff9b::10.0.0.1]:80", "[2002:7f00:1::]:80", "[fe80::1]:80", "[fc00::1]:80", "[fd00:ec2::254]:80",
            "[fec0::1]:80", "[ff02::1]:80", "[2001:db8::1]:80", "[100::1]:80", "224.0.0.1:80", "240.0.0.1:80",
            "255.255.255.255:80", "198.18.0.1:80", "192.0.2.1:80", "198.51.100.7:80", "203.0.113.9:80", "[::ffff:0:7f00:1]:80",
        ])
    func notPublic(target: String) {
        #expect(Self.refusal(target, .publicOnly) != nil)
    }

    @Test(
        "what is written so that programs may read it in different ways is refused whatever the policy",
        arguments: [
            "http://user@example.com/", "http://user:pass@example.com/", "http://example.com@127.0.0.1/",
            "http://127.0.0.1\\@example.com/", "http://example.com\\.evil.com/", "http://exam ple.com/",
            "http://example.com\n.evil.com/", "http://127。0。0。1/", "http://①②⑦.⓪.⓪.①/", "http://%31%32%37.0.0.1/",
            "http://[fe80::1%25eth0]/", "file:///etc/passwd", "gopher://example.com:70/", "ftp://example.com/",
            "dict://example.com:11211/", "javascript://example.com/", "http://", "http:///path", "http://:80/",
            "example.com", "example.com:0", "example.com:65536", "example.com:-1", "example.com:8o", "example.com:80:90",
            "http://256.0.0.1/", "http://1.2.3.4.5/", "http://0x1ffffffff/", "http://09.0.0.1/", "http://1.2.3/x.256",
            "http://[::1/", "http://[example.com]/", "http://[::1]x/", "::1:80", "http://-.-..com/", "http://a..b/",
            "http://exa$mple.com/", "example.com:80/path", "http://[1::2::3]/", "http://[12345::]/",
        ])
    func unreadable(target: String) {
        if target == "http://1.2.3/x.256" {
            // Three numbers are an address: its path does not matter.
            #expect(Self.refusal(target, .any) == nil)
        } else {
            #expect(Self.refusal(target, .any) != nil)
        }
    }

    @Test(
        "public hosts may be connected to",
        arguments: [
            ("https://example.com/x?y@z", "example.com", 443), ("http://EXAMPLE.com.:8080/", "example.com", 8080),
            ("broker1.example.com:9092", "broker1.example.com", 9092), ("8.8.8.8:53", "8.8.8.8", 53),
            ("[2606:4700::1111]:443", "2606:4700::1111", 443), ("wss://example.com/socket", "example.com", 443),
            ("redis://cache-1.example.com", "cache-1.example.com", 6379), ("mqtts://a_b.example.com", "a_b.example.com", 8883),
            ("172.32.0.1:80", "172.32.0.1", 80), ("http://[::ffff:8.8.8.8]/", "::ffff:8.8.8.8", 80),
            ("nats://nats.example.com", "nats.example.com", 4222), ("http://0x08080808/", "0x08080808", 80),
        ])
    func isPublic(text: String, host: String, port: Int) throws {
        let target = try EgressTarget(text)
        #expect(target.host == host && target.port == port)
        #expect(Self.refusal(text, .publicOnly) == nil)
    }

    @Test(
        "any means any but metadata, links and groups",
        arguments: [
            ("localhost:9092", true), ("127.0.0.1:9092", true), ("10.0.0.1:1", true), ("[::1]:1", true),
            ("192.168.1.1:1", true), ("kafka:9092", true), ("169.254.169.254:80", false), ("[fe80::1]:1", false),
            ("[::ffff:169.254.169.254]:80", false), ("metadata.google.internal:80", false), ("224.0.0.1:1", false),
        ])
    func any(target: String, isAllowed: Bool) {
        #expect((Self.refusal(target, .any) == nil) == isAllowed)
    }

    @Test(
        "a list allows what it names",
        arguments: [
            ("kafka.internal:9092", true), ("KAFKA.internal.:9092", true), ("a.kafka.internal:1", false),
            ("x.example.com:1", true), ("a.b.example.com:1", true), ("example.com:1", false), ("xexample.com:1", false),
            ("10.1.2.3:1", true), ("10.2.0.1:1", false), ("192.168.7.7:1", true), ("192.168.7.8:1", false),
            ("[fd12:3456::1]:1", true), ("[fd13::1]:1", false), ("169.254.169.254:80", false), ("8.8.8.8:53", false),
        ])
    func list(target: String, isAllowed: Bool) {
        let mode = EgressPolicy.Mode.list([
            "kafka.internal", "*.example.com", "10.1.0.0/16", "192.168.7.7", "fd12:3456::/32", "169.254.0.0/16",
        ])
        // A name that no entry names is decided by its addresses, as some entries are networks.
        guard let parsed = try? EgressTarget(target) else { return #expect(Bool(false)) }
        let policy = EgressPolicy(mode)
        var isFine = (try? policy.check(parsed)) != nil
        if isFine, IPAddress(parsed.host) == nil, let elsewhere = IPAddress("9.9.9.9") {
            isFine = (try? policy.check(elsewhere, of: parsed)) != nil
        }
        #expect(isFine == isAllowed)
    }

    @Test func `a public name that stands for a private address is refused`() throws {
        let target = try EgressTarget("https://rebind.example.com/")
        let policy = EgressPolicy(.publicOnly)
        try policy.check(target)
        for text in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"] {
            let address = try #require(IPAddress(text))
            #expect(throws: EgressRefusal.self) { try policy.check(address, of: target) }
        }
        let address = try #require(IPAddress("93.184.216.34"))
        try policy.check(address, of: target)
        let listed = EgressPolicy(.list(["*.example.com"]))
        let metadata = try #require(IPAddress("169.254.169.254"))
        #expect(throws: EgressRefusal.self) { try listed.check(metadata, of: target) }
    }

    @Test(
        "addresses are read as connecting reads them",
        arguments: [
            ("1.2.3.4", "1.2.3.4"), ("0x7f.1", "127.0.0.1"), ("1.2.772", "1.2.3.4"), ("16909060", "1.2.3.4"),
            ("0", "0.0.0.0"), ("::1", "0:0:0:0:0:0:0:1"), ("1::", "1:0:0:0:0:0:0:0"),
            ("::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304"),
        ])
    func addresses(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test(
        "what is no address is none",
        arguments: ["", "a", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "08.1.1.1", "+1.2.3.4", "1..2", ":", ":::", "1:2", "g::", "1::2::3"])
    func notAddresses(text: String) {
        #expect(IPAddress(text) == nil)
    }
}
