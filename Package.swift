// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")

let revision =
    Context.gitInformation.map { $0.currentCommit.prefix(12) + ($0.hasUncommittedChanges ? "+" : "") } ?? "unknown"

/// The release binary is smaller, and less of it is resident, by lld with packed relocations (glibc 2.36) and without the
/// dynamic symbols that nobody looks up.
let releaseLinking: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--no-export-dynamic",
            "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
        ],
        .when(configuration: .release))
]

/// A library of the house and the tests that mirror it. A lower one never imports a higher one.
func library(
    _ name: String,
    _ dependencies: [Target.Dependency],
    tests: [Target.Dependency] = [],
    resources: [Resource] = []
) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, swiftSettings: settings),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.target(name: name), "Lab"] + dependencies + tests,
            resources: resources,
            swiftSettings: settings
        ),
    ]
}

/// Only for `make fuzz`: it does not link without libFuzzer.
let fuzzing: [Target] =
    Context.environment["FUZZING"] == nil
    ? []
    : [
        .executableTarget(
            name: "Fuzz", dependencies: ["Exposition", "Redis", "Scraping", nioCore], path: "Tests/Fuzz",
            exclude: ["seeds"],
            swiftSettings: settings, linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
    ]

let package = Package(
    name: "stack-exporter",
    products: [.executable(name: "stack-exporter", targets: ["StackExporter"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CBuild", cSettings: [.define("REVISION", to: "\"\(revision)\"")]),
        .executableTarget(
            name: "StackExporter",
            dependencies: [
                "CBuild", "CLinux", "Configuration", "Containers", "Exposition", "Postgres", "Redis", "Scraping",
                "WebServer", log, nioCore, nioPosix,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings,
            linkerSettings: releaseLinking
        ),
        .target(
            name: "Lab", path: "Tests/Lab",
            exclude: [
                "bench", "bench-containers", "cgroup-kernel", "grafana-schema", "install", "postgres-versions",
                "redis-versions", "replaced-exporters", "stack",
            ],
            swiftSettings: settings),
        .testTarget(name: "EndToEndTests", dependencies: ["Lab", "StackExporter"], swiftSettings: settings),
    ]
        + fuzzing
        + library("Exposition", [])
        + library("Scraping", ["CLinux", "Exposition", log])
        + library("Postgres", ["CLibPQ", "Exposition", "Scraping"], resources: [.copy("Fixtures")])
        + library(
            "Redis", ["CHiredis", "Exposition", "Scraping", nioCore, nioPosix, nioSSL, nioTLS],
            tests: [nioEmbedded], resources: [.copy("Fixtures")])
        + library(
            "Containers", ["CLinux", "Exposition", "Scraping", nioCore, nioPosix, nioHTTP],
            resources: [.copy("Fixtures")])
        + library("Configuration", ["CYAML", "Containers", "Postgres", "Redis", "Scraping", log])
        + library(
            "WebServer",
            [
                "CCrypt", "CZlib", "Configuration", "Exposition", "Scraping", log, nioCore, nioPosix, nioHTTP, nioHTTP2,
                nioSSL, nioTLS,
            ],
            tests: [nioEmbedded])
)
