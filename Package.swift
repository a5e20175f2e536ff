// swift-tools-version: 6.1
import PackageDescription

/// Language settings every Swift target shares: Swift 6 mode with complete concurrency checking,
/// `any` spelled out, and members visible only through an explicit import of their module.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Debug builds, which the tests run, prove that accesses do not overlap; release builds need not check again.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// The ladder (docs/01-architecture.md): a module may import only modules listed before it.
let ladder: [(name: String, imports: [String])] = [
    // 0
    ("HostSystem", ["CMalloc"]),
    ("SQLSyntax", []),
    // 1
    ("Columnar", []),
    ("Codecs", ["CZstd", "CLZ4", "CZlib"]),
    // 2
    ("Expressions", ["Columnar", "Codecs", "CRE2", "COpenSSL"]),
    // 3
    ("Formats", ["HostSystem", "Columnar", "Codecs", "CSimdJSON"]),
    ("State", ["Columnar", "Codecs"]),
    // 4
    ("Dataflow", ["HostSystem", "Columnar", "Expressions", "State"]),
    ("Checkpointing", ["HostSystem", "Codecs", "State"]),
    // 5
    ("Planner", ["SQLSyntax", "Columnar", "Expressions", "Dataflow"]),
    ("Operators", ["HostSystem", "Columnar", "Expressions", "State", "Dataflow"]),
    ("Connectors", ["HostSystem", "Columnar", "Codecs", "Expressions", "Formats", "State", "Dataflow"]),
    // 6
    (
        "Engine",
        [
            "HostSystem", "Columnar", "Codecs", "Expressions", "State", "Dataflow", "Checkpointing", "Operators",
            "Connectors",
        ]
    ),
    // 7
    ("ControlPlane", ["HostSystem", "SQLSyntax", "Formats", "Dataflow", "Engine"]),
]

/// What the tests share: batches from text, seeds, in-memory tables.
let testing: [(name: String, imports: [String])] = [
    ("TestKit", ["HostSystem", "Columnar", "Expressions", "State", "Dataflow"]),
    ("SQLTestRunner", ["SQLSyntax", "HostSystem", "Columnar", "Expressions", "Dataflow", "Planner", "Engine"]),
]

func dependencies(_ names: [String]) -> [Target.Dependency] { names.map { .target(name: $0) } }

func module(_ name: String, _ imports: [String]) -> Target {
    .target(name: name, dependencies: dependencies(imports), exclude: ["README.md"], swiftSettings: house)
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
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLZ4", path: "Sources/CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
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
                    .product(name: "ArgumentParser", package: "swift-argument-parser")
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
            tests("Tidy", []),
        ],
    cxxLanguageStandard: .cxx17
)
