import Exposition
import Foundation
import Glibc
import Scraping
import Testing

@testable import Containers

/// A recorded machine: the cgroup files of a few cgroups, and `/proc`.
struct Fixture {
    /// Linux 6.18 with all controllers on v1 beside an almost empty v2. The first container has limits and reads files,
    /// the second was OOM-killed and is not in v2, and a service has been idle.
    static let hybrid = Fixture("hybrid")
    /// Linux 6.1: a container throttled by its quota, one that was OOM-killed, a service and an LXC container.
    static let v2 = Fixture("v2")
    /// Linux 6.1 that tells of pressure: containers that were throttled, OOM-killed and swapped out, one of them with the
    /// limits of what it is in.
    static let loaded = Fixture("v2-loaded")

    let cgroupfs: String
    let procfs: String

    private init(_ name: String) {
        let root = Self.root.appending(path: name).path
        cgroupfs = "\(root)/cgroup"
        procfs = "\(root)/proc"
    }

    private static let root = (Bundle.module.resourceURL ?? URL(filePath: ".")).appending(path: "Fixtures")

    /// What engines answered.
    static let engines = root.appending(path: "engine")

    /// A page that was found right.
    static func page(_ name: String) throws -> String {
        try String(contentsOf: root.appending(path: "\(name).prom"), encoding: .utf8)
    }
}

extension CgroupReader {
    convenience init(cgroupfs: String, procfs: String = "/proc", descriptors: Int = 100) throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: cgroupfs, procfs: procfs))
        try self.init(mounts: mounts, procfs: procfs, descriptors: descriptors)
    }

    /// What a scrape delivers, walk included.
    func families(
        _ collectors: [any ContainerCollector] = ContainerCollectors.tables,
        now: Int = 1_000_000_000
    ) throws -> [MetricFamily] {
        let deadline = Deadline(after: .seconds(60))
        try tree.refresh(now: now, until: deadline)
        return try collectors.flatMap { try $0.families(from: self, until: deadline) }
    }
}

extension ContainerCollectors {
    /// Those that tables of cgroup files describe.
    static var tables: [CgroupTable] { [memory, cpu, pressure, processes, details] }
}

extension [MetricFamily] {
    /// The values of one name by the `id` label.
    func values(_ name: String) -> [String: Double] {
        var values: [String: Double] = [:]
        for family in self where family.descriptor.name == name {
            for sample in family.samples {
                if case .number(let value) = sample.value { values[sample.labels["id"] ?? ""] = value }
            }
        }
        return values
    }

    var text: String {
        var page: [UInt8] = []
        ExpositionFormat.text.encode(self, into: &page)
        return String(decoding: page, as: UTF8.self)
    }
}

extension CgroupParser {
    /// What it reads in a text, `nil` where there is no number.
    func values(in text: [UInt8], count: Int) -> [Double?] {
        var values = [Double](repeating: .nan, count: count)
        read(text.span, into: &values, from: 0)
        return values.map { $0.isNaN ? nil : $0 }
    }
}

extension Cgroup {
    /// Whether one of its files is kept open, by the reader's number.
    func keepsOpen(_ file: Int) -> Bool {
        if file < files.count, case .open = files[file] { true } else { false }
    }

    /// How many of its files are kept open.
    var openFiles: Int {
        files.count { if case .open = $0 { true } else { false } }
    }
}

/// Lets this thread alone open files as somebody without rights.
func asNobody<Result>(_ body: () throws -> Result) throws -> Result {
    typealias SetFileSystemUser = @convention(c) (uid_t) -> CInt
    let symbol = try #require(dlsym(nil, "setfsuid"))
    let setUser = unsafeBitCast(symbol, to: SetFileSystemUser.self)
    _ = setUser(65_534)
    defer { _ = setUser(0) }
    return try body()
}
