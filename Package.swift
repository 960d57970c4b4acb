// swift-tools-version: 6.1
import PackageDescription

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "tracerelay",
    products: [.library(name: "MailMessage", targets: ["MailMessage"])],
    targets: [
        .systemLibrary(name: "CIconv"),
        .target(name: "MailMessage", dependencies: ["CIconv"], swiftSettings: house),
        .target(name: "HTMLRewriting", swiftSettings: house),
        .target(name: "SMTPProtocol", dependencies: ["MailMessage"], swiftSettings: house),
        .target(name: "Tracking", dependencies: ["MailMessage", "HTMLRewriting"], swiftSettings: house),
        .testTarget(name: "MailMessageTests", dependencies: ["MailMessage"], swiftSettings: house),
        .testTarget(name: "HTMLRewritingTests", dependencies: ["HTMLRewriting"], swiftSettings: house),
        .testTarget(name: "SMTPProtocolTests", dependencies: ["SMTPProtocol"], swiftSettings: house),
        .testTarget(name: "TrackingTests", dependencies: ["Tracking", "MailMessage"], swiftSettings: house),
    ]
)
