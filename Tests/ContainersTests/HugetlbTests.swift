import Lab
import Scraping
import Testing

@testable import Containers

/// Files as Linux 6.18 wrote them: of two pages reserved one was touched, and a third was refused.
@Suite("Huge pages")
struct HugetlbTests {
    private let tree = TemporaryDirectory("tree", in: .memory)

    init() throws {
        try tree.write("pools/hugepages-1048576kB/nr_hugepages", "0\n")
        try tree.write("pools/hugepages-2048kB/nr_hugepages", "4\n")
    }

    private func page() throws -> String {
        try CgroupReader(cgroupfs: "\(tree.path)/cgroup").families([Hugetlb(pools: "\(tree.path)/pools")]).text
    }

    private func v2() throws {
        try tree.write("cgroup/cgroup.controllers", "hugetlb\n")
        try tree.write("cgroup/web.slice/hugetlb.2MB.current", "2097152\n")
        try tree.write("cgroup/web.slice/hugetlb.2MB.rsvd.current", "4194304\n")
        try tree.write("cgroup/web.slice/hugetlb.2MB.events", "max 1\n")
        try tree.write("cgroup/web.slice/hugetlb.1GB.rsvd.current", "0\n")
    }

    private func lines(_ page: String) -> [Substring] { page.split(separator: "\n").filter { !$0.hasPrefix("#") } }

    @Test("v2, of sizes that the machine has")
    func v2Files() throws {
        try v2()
        #expect(
            try lines(page()) == [
                #"container_hugetlb_usage_bytes{id="/web.slice",pagesize="2MB"} 4194304"#,
                #"container_hugetlb_failcnt{id="/web.slice",pagesize="2MB"} 1"#,
            ])
    }

    @Test("v2 before Linux 5.7, which does not count reservations")
    func unreserved() throws {
        try v2()
        try tree.remove("cgroup/web.slice/hugetlb.2MB.rsvd.current")
        #expect(try page().contains(#"container_hugetlb_usage_bytes{id="/web.slice",pagesize="2MB"} 2097152"#))
    }

    @Test("v1")
    func v1() throws {
        try tree.write("cgroup/memory/web.slice/memory.usage_in_bytes", "0\n")
        for (name, value) in [
            ("failcnt", 0), ("max_usage_in_bytes", 2_097_152), ("usage_in_bytes", 2_097_152), ("rsvd.failcnt", 1),
            ("rsvd.max_usage_in_bytes", 4_194_304), ("rsvd.usage_in_bytes", 4_194_304),
        ] { try tree.write("cgroup/hugetlb/web.slice/hugetlb.2MB.\(name)", "\(value)\n") }
        #expect(
            try lines(page()) == [
                #"container_hugetlb_usage_bytes{id="/web.slice",pagesize="2MB"} 4194304"#,
                #"container_hugetlb_max_usage_bytes{id="/web.slice",pagesize="2MB"} 4194304"#,
                #"container_hugetlb_failcnt{id="/web.slice",pagesize="2MB"} 1"#,
            ])
    }

    @Test("a machine without huge pages has nothing of them, until it has some")
    func pools() throws {
        try v2()
        try tree.write("pools/hugepages-2048kB/nr_hugepages", "0\n")
        let reader = try CgroupReader(cgroupfs: "\(tree.path)/cgroup")
        let collector = Hugetlb(pools: "\(tree.path)/pools")
        #expect(try reader.families([collector]).isEmpty)
        try tree.write("pools/hugepages-2048kB/nr_hugepages", "10\n")
        #expect(try lines(reader.families([collector]).text).count == 2)
        try tree.write("pools/hugepages-1048576kB/nr_hugepages", "1\n")
        #expect(try reader.families([collector]).text.contains(#"pagesize="1GB"} 0"#))
        #expect(try reader.families([Hugetlb(pools: "\(tree.path)/missing")]).isEmpty)
    }

    @Test(
        "sizes as cgroup files write them",
        arguments: [("64", "64KB"), ("2048", "2MB"), ("32768", "32MB"), ("1048576", "1GB"), ("16777216", "16GB")])
    func sizes(kibibytes: String, size: String) throws {
        try v2()
        try tree.write("pools/hugepages-\(kibibytes)kB/nr_hugepages", "1\n")
        try tree.write("pools/hugepages-xkB/nr_hugepages", "1\n")
        try tree.write("pools/other/nr_hugepages", "1\n")
        try tree.write("cgroup/web.slice/hugetlb.\(size).rsvd.current", "7\n")
        #expect(try page().contains(#"container_hugetlb_usage_bytes{id="/web.slice",pagesize="\#(size)"} 7"#))
    }
}
