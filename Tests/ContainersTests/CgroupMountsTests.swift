import Lab
import Testing

@testable import Containers

@Suite("Cgroup hierarchies")
struct CgroupMountsTests {
    @Test("v2 in mountinfo")
    func v2() {
        let mounts = CgroupMounts(
            mountinfo: """
                22 1 0:20 / /sys rw,relatime - sysfs none rw
                25 22 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot

                """
        )
        #expect(mounts.directories == [.v2: "/sys/fs/cgroup"])
        #expect(mounts.primary == .v2)
    }

    @Test("v1 in mountinfo, controllers together, names and other options left out")
    func v1() {
        let mounts = CgroupMounts(
            mountinfo: """
                31 23 0:28 / /sys/fs/cgroup ro shared:4 - tmpfs tmpfs ro,mode=755
                32 31 0:29 / /sys/fs/cgroup/systemd rw shared:5 - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
                33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:6 master:1 - cgroup cgroup rw,cpu,cpuacct
                34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                """
        )
        #expect(
            mounts.directories == [
                .v1("cpu"): "/sys/fs/cgroup/cpu,cpuacct", .v1("cpuacct"): "/sys/fs/cgroup/cpu,cpuacct",
                .v1("memory"): "/sys/fs/cgroup/memory",
            ]
        )
        #expect(mounts.primary == .v1("memory"))
    }

    @Test("hybrid in mountinfo, as a kernel told it")
    func hybrid() throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: Fixture.hybrid.procfs))
        #expect(mounts.directories[.v2] == "/sys/fs/cgroup/unified")
        #expect(mounts.directories[.v1("cpuacct")] == "/sys/fs/cgroup/cpuacct")
        #expect(mounts.directories.count == 9)
        #expect(mounts.primary == .v1("memory"))
    }

    @Test("v2 with a lone v1 controller is v2")
    func lone() {
        let mounts = CgroupMounts(
            mountinfo: """
                25 22 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
                26 22 0:23 / /sys/fs/cgroup/net_cls rw - cgroup none rw,net_cls
                """
        )
        #expect(mounts.primary == .v2)
    }

    @Test("an escaped mount point")
    func escapes() {
        let mounts = CgroupMounts(mountinfo: #"25 22 0:22 / /mnt/my\040cgroups\134x\011y\0 rw - cgroup2 none rw"#)
        #expect(mounts.directories == [.v2: "/mnt/my cgroups\\x\ty\\0"])
    }

    @Test(
        "of several mounts the one that shows most",
        arguments: [
            (["/docker/3f4c", "/"], 1), (["/", "/docker/3f4c"], 0), (["/", "/../.."], 1), (["/..", "/../.."], 1),
            (["/../other", "/"], 1), (["/a", "/b"], 0), (["/", "/"], 0),
        ] as [([String], Int)]
    )
    func roots(roots: [String], expected: Int) {
        let lines = roots.enumerated().map { "2\($0) 22 0:22 \($1) /mount\($0) rw - cgroup cgroup rw,memory" }
        let mounts = CgroupMounts(mountinfo: lines.joined(separator: "\n"))
        #expect(mounts.directories == [.v1("memory"): "/mount\(expected)"])
    }

    @Test("lines that are none", arguments: ["", "\n\n", "25 22", "25 22 0:22 / /x rw - cgroup2", "- - - - - - - -"])
    func malformed(text: String) {
        #expect(CgroupMounts(mountinfo: text).directories.isEmpty)
    }

    @Test("a given directory tells its layout")
    func directories() throws {
        let v2 = CgroupMounts(directory: Fixture.v2.cgroupfs)
        #expect(v2.directories == [.v2: Fixture.v2.cgroupfs])

        let hybrid = CgroupMounts(directory: Fixture.hybrid.cgroupfs)
        #expect(Set(hybrid.directories.keys) == [.v2, .v1("memory"), .v1("cpu"), .v1("cpuacct")])

        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cpu,cpuacct/cpuacct.usage", "1\n")
        #expect(Set(CgroupMounts(directory: tree.path).directories.keys) == [.v1("cpu"), .v1("cpuacct")])
    }

    @Test("a given directory that holds no cgroups is an error that says how to mend it")
    func wrong() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("unified/readme", "")
        for path in [tree.path, "\(tree.path)/missing", "/etc/passwd"] {
            let error = #expect(throws: ContainersError.self) {
                try CgroupMounts.find(cgroupfs: path, procfs: "/proc")
            }
            #expect(error?.description.hasPrefix("\(path) holds no cgroups") == true)
            #expect(error?.description.contains("--path.cgroupfs") == true)
        }
    }

    @Test("the top of v2 has no cgroup.events, that of a namespace has")
    func wholeV2() throws {
        #expect(CgroupMounts(directory: Fixture.v2.cgroupfs).areWhole)
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("cgroup.controllers", "memory\n")
        #expect(CgroupMounts(directory: tree.path).areWhole)
        try tree.write("cgroup.events", "populated 1\nfrozen 0\n")
        #expect(!CgroupMounts(directory: tree.path).areWhole)
        #expect(!CgroupMounts(directory: "\(tree.path)/missing").areWhole)
    }

    @Test("the top of v1 has a release agent, no other cgroup has")
    func wholeV1() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("memory/memory.stat", "cache 0\n")
        #expect(!CgroupMounts(directory: tree.path).areWhole)
        try tree.write("memory/release_agent", "\n")
        #expect(CgroupMounts(directory: tree.path).areWhole)
    }

    @Test("of the real machine, its top is whole and what is in it is not", .enabled(if: RealCgroup.isPossible))
    func wholeLive() throws {
        let mounts = try #require(try CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
        #expect(mounts.areWhole)
        let cgroup = try RealCgroup()
        let primary = try #require(mounts.primary)
        let path = try #require(mounts.directories[primary]) + cgroup.id
        let part = CgroupMounts(mountinfo: "25 22 0:22 /x \(path) rw - cgroup cgroup rw,memory")
        #expect(part.directories.values.contains(path))
        #expect(!part.areWhole)
    }

    @Test("a procfs in which we are not has no mounts of ours; our own has")
    func foreignProcfs() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        #expect(
            try CgroupMounts.find(cgroupfs: nil, procfs: tree.path)
                == CgroupMounts.find(cgroupfs: nil, procfs: "/proc"))
    }

    @Test("nothing given and nothing found is no error")
    func none() throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("self/mountinfo", "22 1 0:20 / /sys rw,relatime - sysfs none rw\n")
        #expect(try CgroupMounts.find(cgroupfs: nil, procfs: tree.path) == nil)
        var settings = ContainersTarget.Settings()
        settings.procfs = tree.path
        #expect(try ContainersTarget(settings) == nil)
    }
}
