// swift-tools-version: 6.1
import PackageDescription

// Without MemberImportVisibility: swift-nio's C modules declare glibc's structs once more, and which module then owns
// `stat` depends on how many cores the build has.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let http1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "tracerelay",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "tracerelay", targets: ["tracerelay"]),
        .library(name: "FakeUpstream", targets: ["FakeUpstream"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: [
        .systemLibrary(name: "CIconv"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "MailMessage", dependencies: ["CIconv"], swiftSettings: house),
        .target(name: "HTMLRewriting", dependencies: ["MailMessage"], swiftSettings: house),
        .target(name: "SMTPProtocol", dependencies: ["MailMessage"], swiftSettings: house),
        .target(name: "Tracking", dependencies: ["MailMessage", "HTMLRewriting"], swiftSettings: house),
        .target(name: "OpenSSLBridge", dependencies: ["COpenSSL", nioCore], swiftSettings: house),
        .target(
            name: "MessageQueue",
            dependencies: [.product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: house),
        .target(
            name: "TrackingEvents", dependencies: ["Tracking"],
            resources: [.embedInCode("Resources/hit-classes.conf")], swiftSettings: house),
        .target(
            name: "TrackingWeb",
            dependencies: [
                "Tracking", "TrackingEvents", hummingbird, mustache, metrics, lifecycle, log, nioCore, nioPosix, http1,
            ],
            resources: [.embedInCode("Resources")], swiftSettings: house),
        .target(
            name: "StorageSQLite",
            dependencies: [
                "MessageQueue", "Tracking", "TrackingEvents", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: house),
        .target(
            name: "SMTPTransport",
            dependencies: [
                "SMTPProtocol", "OpenSSLBridge", nioCore, nioPosix,
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: house),
        .target(
            name: "Relay",
            dependencies: [
                "MailMessage", "Tracking", "OpenSSLBridge", "MessageQueue", "TrackingEvents", "StorageSQLite",
                "SMTPProtocol", "SMTPTransport", "RelayConfiguration", "TrackingWeb", metrics, log, lifecycle, nioCore,
                nioPosix,
            ],
            swiftSettings: house),
        .target(
            name: "FakeUpstream",
            dependencies: ["SMTPProtocol", "SMTPTransport", "OpenSSLBridge", nioCore, nioPosix],
            swiftSettings: house),
        .executableTarget(
            name: "tracerelay",
            dependencies: [
                "Relay", "RelayConfiguration", "FakeUpstream", "MessageQueue", "StorageSQLite", "SMTPProtocol",
                "Tracking", "TrackingEvents", "TrackingWeb",
                lifecycle, log, .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house),
        .target(
            name: "RelayConfiguration",
            dependencies: ["Tracking", "SMTPProtocol", .product(name: "TOMLKit", package: "TOMLKit")],
            swiftSettings: house),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: house),
        .testTarget(name: "MailMessageTests", dependencies: ["MailMessage"], swiftSettings: house),
        .testTarget(name: "HTMLRewritingTests", dependencies: ["HTMLRewriting"], swiftSettings: house),
        .testTarget(name: "SMTPProtocolTests", dependencies: ["SMTPProtocol"], swiftSettings: house),
        .testTarget(
            name: "TrackingTests", dependencies: ["Tracking", "MailMessage", "TestSupport"], swiftSettings: house),
        .testTarget(
            name: "OpenSSLBridgeTests", dependencies: ["OpenSSLBridge", nioCore, nioPosix, nioEmbedded],
            swiftSettings: house),
        .testTarget(
            name: "RelayConfigurationTests", dependencies: ["RelayConfiguration", "Tracking", "SMTPProtocol"],
            swiftSettings: house),
        .testTarget(
            name: "SMTPTransportTests",
            dependencies: ["SMTPTransport", "SMTPProtocol", "OpenSSLBridge", "TestSupport", nioCore, nioPosix],
            swiftSettings: house),
        .testTarget(
            name: "RelayTests",
            dependencies: [
                "Relay", "RelayConfiguration", "MessageQueue", "StorageSQLite", "Tracking", "TrackingEvents",
                "SMTPTransport", "SMTPProtocol", "FakeUpstream", "TrackingWeb", "TestSupport", nioPosix,
            ],
            swiftSettings: house),
        .testTarget(
            name: "MessageQueueTests",
            dependencies: ["MessageQueue", "StorageSQLite", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: house),
        .testTarget(
            name: "TrackingEventsTests", dependencies: ["TrackingEvents", "Tracking"], swiftSettings: house),
        .testTarget(
            name: "StorageSQLiteTests",
            dependencies: [
                "StorageSQLite", "MessageQueue", "Tracking", "TrackingEvents", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Fixtures"], swiftSettings: house),
        .testTarget(
            name: "TrackingWebTests",
            dependencies: [
                "TrackingWeb", "Tracking", "TrackingEvents", "TestSupport", hummingbird, metrics, log, nioCore,
                nioEmbedded, http1,
            ],
            swiftSettings: house),
        .testTarget(
            name: "FakeUpstreamTests",
            dependencies: ["FakeUpstream", "SMTPTransport", "SMTPProtocol", "OpenSSLBridge", nioPosix],
            swiftSettings: house),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "tracerelay", "FakeUpstream", "SMTPTransport", "SMTPProtocol", "OpenSSLBridge", "Tracking",
                "MailMessage", "TestSupport", nioPosix,
            ],
            exclude: ["Fixtures"], swiftSettings: house),
        .testTarget(
            name: "CorpusTests", dependencies: ["Relay", "RelayConfiguration", "Tracking", "MailMessage"],
            exclude: ["Cases", "add-case.sh"], swiftSettings: house),
        .testTarget(name: "HouseTests", swiftSettings: house),
        .executableTarget(
            name: "transform-benchmark", dependencies: ["MailMessage", "HTMLRewriting", "Tracking", "Relay"],
            path: "Tests/Benchmark/Transform", swiftSettings: house),
    ]
)

// Only `swift build --sanitize fuzzer` links these; Tests/Interop/fuzz.sh builds and runs them.
if Context.environment["TRACERELAY_FUZZ"] != nil {
    for (name, folder) in [
        ("mime", "MIME"), ("encodings", "Encodings"), ("html", "HTML"), ("trace-header", "TraceHeader"),
        ("token", "Token"), ("smtp", "SMTP"),
    ] {
        package.targets.append(
            .executableTarget(
                name: "fuzz-\(name)", dependencies: ["MailMessage", "HTMLRewriting", "Tracking", "SMTPProtocol"],
                path: "Tests/Fuzz/\(folder)", swiftSettings: [.unsafeFlags(["-parse-as-library"])]))
    }
}
