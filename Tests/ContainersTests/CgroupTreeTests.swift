import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"
private let other = "a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0fedcba9876543210"

@Suite("The walk")
struct CgroupTreeTests {
    private let directory = TemporaryDirectory("tree", in: .memory)

    private func make(_ paths: String...) throws {
        for path in paths { try directory.write("\(path)/cgroup.procs", "") }
    }

    private func walk(_ tree: CgroupTree, at now: Int = 1_000) throws -> [String] {
        try tree.refresh(now: now, until: Deadline(after: .seconds(10)))
        return tree.exported.map { $0.labels["id"] ?? "" }
    }

    @Test("root, top, services and containers, parents first")
    func exported() throws {
        try make(
            "system.slice/web.service/nested.service", "system.slice/data.mount/docker/\(id)",
            "system.slice/system-getty.slice/getty@tty1.service", "user.slice/user-1000.slice/session-1.scope",
            "docker/\(id)/init", "docker/\(id)/docker/\(other)", "lxc.monitor.web",
            "lxc.payload.web/system.slice/x.service"
        )
        let tree = try CgroupTree(root: directory.path)
        let expected = [
            "/", "/docker", "/docker/\(id)", "/docker/\(id)/docker/\(other)", "/lxc.payload.web", "/system.slice",
            "/system.slice/system-getty.slice/getty@tty1.service", "/system.slice/web.service", "/user.slice",
        ]
        #expect(try walk(tree) == expected)
        #expect(try walk(tree) == expected)
        #expect(
            tree.exported.map { $0.labels["name"] } == [nil, nil, "3f4c9b1e7d2a", "a1b2c3d4e5f6", "web"] + [
                nil, nil, nil, nil,
            ])
    }

    @Test("what comes and what goes, one for one too")
    func changes() throws {
        try make("docker/\(id)", "init.scope")
        let tree = try CgroupTree(root: directory.path)
        #expect(try walk(tree) == ["/", "/docker", "/docker/\(id)", "/init.scope"])
        try directory.remove("docker/\(id)")
        try make("docker/\(other)")
        #expect(try walk(tree) == ["/", "/docker", "/docker/\(other)", "/init.scope"])
        try directory.remove("docker")
        #expect(try walk(tree) == ["/", "/init.scope"])
        try make("docker/\(id)")
        #expect(try walk(tree) == ["/", "/docker", "/docker/\(id)", "/init.scope"])
    }

    @Test("a cgroup of a name that was there before is another one")
    func again() throws {
        try make("docker/\(id)")
        let tree = try CgroupTree(root: directory.path)
        _ = try walk(tree)
        let before = try #require(tree.exported.last)
        // Made before the old one goes, so that the file system cannot give it the same inode.
        try make("docker/new")
        try directory.remove("docker/\(id)")
        try FileManager.default.moveItem(
            atPath: "\(directory.path)/docker/new", toPath: "\(directory.path)/docker/\(id)"
        )
        #expect(!tree.isThere(before))
        _ = try walk(tree)
        #expect(tree.exported.last?.labels == before.labels)
        #expect(tree.exported.last !== before)
    }

    @Test("containers are remembered for five minutes, groups are not")
    func departed() throws {
        try make("docker/\(id)", "init.scope")
        let tree = try CgroupTree(root: directory.path)
        _ = try walk(tree, at: 1_000)
        _ = try walk(tree, at: 1_015)
        try directory.remove("docker")
        try directory.remove("init.scope")
        _ = try walk(tree, at: 1_030)
        #expect(tree.departed.map(\.labels) == [["id": "/docker/\(id)", "name": "3f4c9b1e7d2a"]])
        #expect(tree.departed.map(\.lastSeen) == [1_015])
        _ = try walk(tree, at: 1_315)
        #expect(tree.departed.count == 1)
        _ = try walk(tree, at: 1_316)
        #expect(tree.departed.isEmpty)
    }

    @Test("a container that comes back is not among those that went")
    func returned() throws {
        try make("docker/\(id)")
        let tree = try CgroupTree(root: directory.path)
        _ = try walk(tree)
        try directory.remove("docker/\(id)")
        _ = try walk(tree)
        try make("docker/\(id)")
        _ = try walk(tree)
        #expect(tree.departed.isEmpty)
    }

    @Test("a controller that is switched on brings its limits, however long a container is known")
    func controllers() throws {
        let cgroup = "app.slice/docker-\(id).scope"
        try make(cgroup)
        try directory.write("cgroup.controllers", "pids\n")
        try directory.write("app.slice/cgroup.subtree_control", "")
        let reader = try CgroupReader(cgroupfs: directory.path)
        func limit(at now: Int) throws -> Double? {
            try reader.families([ContainerCollectors.processes], now: now).values("container_threads_max")["/\(cgroup)"]
        }
        #expect(try limit(at: 1_000) == nil)
        #expect(try limit(at: 1_020) == nil)
        // Of files that the kernel makes by itself it tells nothing, as here of one that is moved to its place.
        try directory.write("new", "77\n")
        try FileManager.default.moveItem(
            atPath: "\(directory.path)/new", toPath: "\(directory.path)/\(cgroup)/pids.max")
        #expect(try limit(at: 1_021) == nil)
        try directory.write("app.slice/cgroup.subtree_control", "pids\n")
        #expect(try limit(at: 1_022) == 77)
    }

    @Test("no more than so many")
    func limit() throws {
        for number in 0..<20 { try make("group\(number).slice") }
        let tree = try CgroupTree(root: directory.path, limit: 5)
        #expect(try walk(tree).count == 5)
        #expect(tree.leftOut == 16)
        #expect(try walk(tree).count == 5)
        #expect(tree.leftOut == 16)
    }

    @Test("no deeper than so deep")
    func depth() throws {
        let deep = Array(repeating: "a", count: CgroupTree.maximumDepth - 1).joined(separator: "/")
        try make("\(deep)/docker-\(id).scope/docker/\(other)")
        let tree = try CgroupTree(root: directory.path)
        #expect(try walk(tree).last?.hasSuffix("docker-\(id).scope") == true)
    }

    @Test("a deadline that has passed ends it")
    func deadline() throws {
        let tree = try CgroupTree(root: directory.path)
        let error = #expect(throws: CollectorError.self) {
            try tree.refresh(now: 0, until: Deadline(after: .zero))
        }
        #expect(error?.reason == .timeout)
    }

    @Test("a root that goes is an error, until it is back")
    func root() throws {
        try make("a/b")
        let tree = try CgroupTree(root: "\(directory.path)/a")
        #expect(try walk(tree) == ["/", "/b"])
        try directory.remove("a")
        let error = #expect(throws: CollectorError.self) { try walk(tree) }
        #expect(error?.reason == .connection)
    }
}
