import Exposition
import Foundation
import Lab
import Testing

@testable import Containers

@Suite("Recorded cgroup trees")
struct RecordedTreeTests {
    @Test("v2")
    func v2() throws {
        let reader = try CgroupReader(cgroupfs: Fixture.v2.cgroupfs, procfs: Fixture.v2.procfs)
        #expect(try reader.families().text == Fixture.page("v2"))
    }

    @Test("v2 under load")
    func loaded() throws {
        let reader = try CgroupReader(cgroupfs: Fixture.loaded.cgroupfs, procfs: Fixture.loaded.procfs)
        #expect(try reader.families().text == Fixture.page("v2-loaded"))
    }

    @Test("hybrid")
    func hybrid() throws {
        let reader = try CgroupReader(cgroupfs: Fixture.hybrid.cgroupfs, procfs: Fixture.hybrid.procfs)
        #expect(try reader.families().text == Fixture.page("hybrid"))
    }

    /// The hybrid machine without its v2, and with the CPU controllers mounted together as systemd does.
    @Test("v1")
    func v1() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let files = FileManager.default
        for name in ["memory", "cpu"] {
            try files.copyItem(atPath: "\(Fixture.hybrid.cgroupfs)/\(name)", toPath: "\(tree.path)/\(name)")
        }
        try files.moveItem(atPath: "\(tree.path)/cpu", toPath: "\(tree.path)/cpu,cpuacct")
        let cpuacct = "\(Fixture.hybrid.cgroupfs)/cpuacct"
        for name in try files.subpathsOfDirectory(atPath: cpuacct) where name.contains("cpuacct.") {
            try files.copyItem(atPath: "\(cpuacct)/\(name)", toPath: "\(tree.path)/cpu,cpuacct/\(name)")
        }
        for link in ["cpu", "cpuacct"] {
            try files.createSymbolicLink(atPath: "\(tree.path)/\(link)", withDestinationPath: "cpu,cpuacct")
        }
        let reader = try CgroupReader(cgroupfs: tree.path, procfs: Fixture.hybrid.procfs)
        #expect(try reader.families().text == Fixture.page("v1"))
    }

    @Test("the same without a descriptor kept, with a few, and with all", arguments: [0, 7, 1000])
    func descriptors(limit: Int) throws {
        let reader = try CgroupReader(
            cgroupfs: Fixture.v2.cgroupfs, procfs: Fixture.v2.procfs, descriptors: limit
        )
        let expected = try Fixture.page("v2")
        for _ in 1...3 { #expect(try reader.families().text == expected) }
        #expect(reader.budget.free == (limit < 100 ? 0 : limit - 39))
    }

    @Test("no value is negative, and none is there twice")
    func sane() throws {
        for fixture in [Fixture.v2, .loaded, .hybrid] {
            let reader = try CgroupReader(cgroupfs: fixture.cgroupfs, procfs: fixture.procfs)
            for family in try reader.families(ContainerCollectors.all) {
                #expect(Set(family.samples.map(\.labels)).count == family.samples.count)
                #expect(family.descriptor.isLegal)
                for case .number(let value) in family.samples.map(\.value) { #expect(value >= 0 && value.isFinite) }
            }
        }
    }
}
