import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

@Suite("The machine")
struct MachineTests {
    private func families(_ machine: Machine, procfs: String = Fixture.loaded.procfs) throws -> [MetricFamily] {
        try CgroupReader(cgroupfs: Fixture.loaded.cgroupfs, procfs: procfs).families([machine])
    }

    @Test("memory and swap of a recorded machine")
    func memory() throws {
        let families = try families(Machine())
        #expect(families.values("machine_memory_bytes") == ["": 492_560_384])
        #expect(families.values("machine_swap_bytes")[""] ?? 0 > 0)
        #expect(families.values("machine_scrape_error") == ["": 0])
    }

    @Test("what cannot be read is absent, and is said")
    func missing() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let families = try families(Machine(sysfs: tree.path), procfs: tree.path)
        #expect(families.values("machine_memory_bytes").isEmpty)
        #expect(families.values("machine_swap_bytes").isEmpty)
        #expect(families.values("machine_cpu_physical_cores").isEmpty)
        #expect(families.values("machine_cpu_sockets").isEmpty)
        #expect(families.values("machine_dimm_count").isEmpty)
        #expect(families.values("machine_scrape_error") == ["": 1])
    }

    @Test("cores and sockets, again when other CPUs are online")
    func topology() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let cpus = "devices/system/cpu"
        // Two sockets of two cores of two threads each.
        for cpu in 0..<8 {
            try tree.write("\(cpus)/cpu\(cpu)/topology/core_id", "\(cpu / 2 % 2)\n")
            try tree.write("\(cpus)/cpu\(cpu)/topology/physical_package_id", "\(cpu / 4)\n")
        }
        try tree.write("\(cpus)/cpufreq/policy", "")
        try tree.write("\(cpus)/online", "0-7\n")
        let machine = Machine(sysfs: tree.path)
        for _ in 1...2 {
            let families = try families(machine)
            #expect(families.values("machine_cpu_physical_cores") == ["": 4])
            #expect(families.values("machine_cpu_sockets") == ["": 2])
        }
        for cpu in 3..<8 { try tree.remove("\(cpus)/cpu\(cpu)/topology") }
        try tree.write("\(cpus)/online", "0-2\n")
        let families = try families(machine)
        #expect(families.values("machine_cpu_physical_cores") == ["": 2])
        #expect(families.values("machine_cpu_sockets") == ["": 1])
    }

    @Test("memory modules by their type")
    func modules() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        let root = "devices/system/edac/mc"
        for (module, size, type) in [
            ("mc0/dimm0", "16384", "Unbuffered-DDR4"), ("mc0/dimm1", "16384", "Unbuffered-DDR4"),
            ("mc1/dimm0", "131072", "Non-volatile-RAM"), ("mc1/dimm1", "much", "Unbuffered-DDR4"),
        ] {
            try tree.write("\(root)/\(module)/size", "\(size)\n")
            try tree.write("\(root)/\(module)/dimm_mem_type", "\(type)\n")
        }
        try tree.write("\(root)/mc0/dimm2/size", "16384\n")
        let families = try families(Machine(sysfs: tree.path))
        func values(_ name: String) -> [String?: Double] {
            var values: [String?: Double] = [:]
            for sample in families.first(where: { $0.descriptor.name == name })?.samples ?? [] {
                if case .number(let value) = sample.value { values[sample.labels["type"]] = value }
            }
            return values
        }
        #expect(values("machine_dimm_count") == ["Unbuffered-DDR4": 2, "Non-volatile-RAM": 1])
        #expect(
            values("machine_dimm_capacity_bytes")
                == ["Unbuffered-DDR4": 34_359_738_368, "Non-volatile-RAM": 137_438_953_472])
    }

    @Test("this machine, as the kernel tells it elsewhere")
    func real() throws {
        let families = try families(Machine(), procfs: "/proc")
        let cpuinfo = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
        let cores = try #require(families.values("machine_cpu_cores")[""])
        #expect(cores == Double(cpuinfo.count { $0.hasPrefix("processor") }))
        if let physical = families.values("machine_cpu_physical_cores")[""] {
            #expect(physical >= 1 && physical <= cores)
            #expect(try #require(families.values("machine_cpu_sockets")[""]) <= physical)
        }
        let version = try #require(families.first { $0.descriptor.name == "cadvisor_version_info" }?.samples.first)
        let release = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        #expect(version.labels["kernelVersion"].map { "\($0)\n" } == release)
        #expect(version.labels["cadvisorVersion"] == nil)
    }
}
