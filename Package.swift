// swift-tools-version: 6.1
import PackageDescription

/// Whether a release build is made for the tests (`make test`), in a folder of its own.
let isTesting = Context.environment["LAMINAR_TESTING"] != nil

/// Language settings every Swift target shares: Swift 6 mode with complete concurrency checking,
/// `any` spelled out, and members visible only through an explicit import of their module.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(
        isTesting
            // Optimised as what users run, with every check of a debug build, and open to `@testable import`.
            ? ["-enable-testing", "-assert-config", "Debug", "-enforce-exclusivity=checked", "-D", "DEBUG"]
            // The tests prove that accesses do not overlap; what users run need not check again.
            : ["-enforce-exclusivity=unchecked"],
        .when(configuration: .release)),
]

/// The ladder (docs/01-architecture.md): a module may import only modules listed before it.
let ladder: [(name: String, imports: [String])] = [
    // 0
    ("HostSystem", ["CMalloc"]),
    ("SQLSyntax", []),
    ("JSONModel", []),
    ("Cryptography", ["COpenSSL"]),
    // 1
    ("Settings", ["HostSystem", "SQLSyntax", "JSONModel"]),
    ("LogHandlers", ["HostSystem", "JSONModel"]),
    ("Columnar", []),
    ("Codecs", ["CZstd", "CLZ4", "CZlib"]),
    // 2
    ("Expressions", ["Columnar", "Codecs", "CRE2", "COpenSSL"]),
    // 3
    ("Formats", ["HostSystem", "JSONModel", "Columnar", "Codecs", "CSimdJSON"]),
    ("State", ["Columnar", "Codecs"]),
    // 4
    ("Dataflow", ["HostSystem", "Columnar", "Expressions", "State"]),
    ("Checkpointing", ["HostSystem", "Codecs", "State"]),
    // 5
    ("Planner", ["SQLSyntax", "Columnar", "Expressions", "Dataflow"]),
    ("Operators", ["HostSystem", "Columnar", "Expressions", "State", "Dataflow"]),
    (
        "Connectors",
        [
            "HostSystem", "JSONModel", "Cryptography", "Columnar", "Codecs", "Expressions", "Formats", "State",
            "Dataflow", "CRdKafka",
        ]
    ),
    // 6
    (
        "Engine",
        [
            "HostSystem", "Columnar", "Codecs", "Expressions", "State", "Dataflow", "Checkpointing", "Operators",
            "Connectors",
        ]
    ),
    // 7
    (
        "ControlPlane",
        [
            "HostSystem", "SQLSyntax", "JSONModel", "Cryptography", "Columnar", "Codecs", "Expressions", "Formats",
            "Dataflow", "Checkpointing", "Planner", "Connectors", "Engine",
        ]
    ),
    // 8
    (
        "RESTAPI",
        [
            "HostSystem", "SQLSyntax", "JSONModel", "Cryptography", "Settings", "Columnar", "Formats", "Dataflow",
            "Planner",
            "Connectors", "Engine", "ControlPlane",
        ]
    ),
    ("APIClient", ["HostSystem", "JSONModel"]),
]

/// What modules take from other packages.
let products: [String: [Target.Dependency]] = [
    "Formats": [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
    "Settings": [.product(name: "Yams", package: "Yams")],
    "LogHandlers": [.product(name: "Logging", package: "swift-log")],
    "Connectors": [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ],
    "ControlPlane": [.product(name: "GRDB", package: "GRDB.swift")],
    "RESTAPI": [
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    ],
    "APIClient": [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ],
]

/// What the tests share: batches from text, seeds, in-memory tables.
let testing: [(name: String, imports: [String])] = [
    ("TestKit", ["HostSystem", "Columnar", "Expressions", "State", "Dataflow"]),
    ("SQLTestRunner", ["SQLSyntax", "HostSystem", "Columnar", "Expressions", "Dataflow", "Planner", "Engine"]),
]

func dependencies(_ names: [String]) -> [Target.Dependency] { names.map { .target(name: $0) } }

func module(_ name: String, _ imports: [String]) -> Target {
    .target(
        name: name, dependencies: dependencies(imports) + (products[name] ?? []), exclude: ["README.md"],
        swiftSettings: house)
}

func tests(_ name: String, _ imports: [String]) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies(imports), swiftSettings: house)
}

let package = Package(
    name: "laminar",
    products: [
        .executable(name: "laminar", targets: ["laminar"]),
        .executable(name: "sqltest", targets: ["sqltest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        // Of the library only what reads compiled schemas: no traits, and neither its plugin nor its compiler is built.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLZ4", path: "Sources/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CRdKafka", path: "Sources/CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CMalloc", path: "Sources/CMalloc"),
        .target(
            name: "CSimdJSON", path: "Sources/CSimdJSON", exclude: ["README.md"],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CRE2", path: "Sources/CRE2", linkerSettings: [.linkedLibrary("re2")]),
    ]
        + ladder.map { module($0.name, $0.imports) }
        + testing.map { module($0.name, $0.imports) }
        + [
            .executableTarget(
                name: "laminar",
                dependencies: dependencies(ladder.map(\.name)) + [
                    .product(name: "ArgumentParser", package: "swift-argument-parser"),
                    .product(name: "Logging", package: "swift-log"),
                    .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                ],
                swiftSettings: house),
            .executableTarget(
                name: "sqltest",
                dependencies: dependencies([
                    "SQLTestRunner", "Columnar", "Dataflow", "Operators", "Connectors", "Engine",
                ]),
                swiftSettings: house),
        ]
        + ladder.map { tests($0.name, [$0.name, "TestKit"]) }
        + [
            tests(
                "SQL",
                [
                    "SQLTestRunner", "TestKit", "HostSystem", "SQLSyntax", "Expressions", "Dataflow", "Planner",
                    "Connectors", "Engine", "ControlPlane",
                ]),
            tests("API", ["TestKit"]),
            tests("Kafka", ["TestKit", "HostSystem", "Columnar", "State", "Dataflow", "Connectors"]),
            tests("Tidy", []),
        ],
    cxxLanguageStandard: .cxx17
)
