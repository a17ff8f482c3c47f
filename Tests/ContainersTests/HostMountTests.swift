import Foundation
import Glibc
import Lab
import Testing

@testable import Containers

@Suite("The host's mounts")
struct HostMountTests {
    /// A Docker host's, as its process 1 sees them.
    private let host = """
        22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw
        23 27 0:22 / /sys rw,relatime shared:6 - sysfs sysfs rw
        25 27 0:23 / /dev/shm rw,nosuid shared:3 - tmpfs tmpfs rw
        26 27 0:24 / /run rw,nosuid shared:4 - tmpfs tmpfs rw,size=49284k
        27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
        40 27 254:2 / /srv/my\\040data rw,relatime shared:20 - xfs /dev/vda2 rw,attr2
        41 27 254:3 / /mnt/broken rw,relatime shared:21 - ext4 /dev/vda3 ro
        42 27 254:2 /sub /bound ro,relatime shared:20 - xfs /dev/vda2 rw,attr2
        43 27 0:50 / /nfs rw,relatime shared:22 - autofs systemd-1 rw
        44 43 0:51 / /nfs rw,relatime shared:23 - nfs4 server:/export rw,vers=4.2
        45 27 0:60 / /var/lib/docker/overlay2/ab/merged rw,relatime - overlay overlay rw,lowerdir=/a
        46 27 254:2 /volumes /var/lib/docker/volumes/x/_data rw,relatime - xfs /dev/vda2 rw
        47 27 0:61 / /run/credentials/systemd-sysctl.service ro,nosuid shared:7 - ramfs  rw

        """

    /// The same in a container that has the host's root directory and nothing else of it, mounted before /nfs was.
    private let container = """
        100 99 0:70 / / rw,relatime master:30 - overlay overlay rw,lowerdir=/a
        101 100 0:71 / /proc rw,nosuid - proc proc rw
        102 100 254:1 /var/lib/docker/containers/x/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro
        103 100 254:1 / /rootfs ro,relatime master:1 - ext4 /dev/vda1 rw,errors=remount-ro
        104 103 0:24 / /rootfs/run ro,nosuid master:4 - tmpfs tmpfs rw,size=49284k
        105 103 254:2 / /rootfs/srv/my\\040data rw,relatime master:20 - xfs /dev/vda2 rw,attr2
        106 103 254:3 / /rootfs/mnt/broken rw,relatime master:21 - ext4 /dev/vda3 ro
        107 100 254:2 /other /data rw,relatime - xfs /dev/vda2 rw,attr2

        """

    private func table(_ text: String) -> MountTable { MountTable(Array(text.utf8)) }

    private func lines(_ mounts: [HostMount]) -> [String] {
        mounts.map {
            "\($0.mount.source) \($0.mount.type) \($0.mount.mountPoint) at \($0.path)\($0.isReadOnly ? " ro" : "")"
        }
    }

    @Test("on the host itself")
    func onTheHost() {
        let own = table(host)
        #expect(HostMount.root(own: own, host: own) == "")
        #expect(
            lines(HostMount.all(own: own, host: own, root: "")) == [
                "tmpfs tmpfs /run at /run", "/dev/vda1 ext4 / at /", "/dev/vda2 xfs /srv/my data at /srv/my data",
                "/dev/vda3 ext4 /mnt/broken at /mnt/broken ro", "/dev/vda2 xfs /bound at /bound ro",
                "server:/export nfs4 /nfs at /nfs",
            ])
    }

    @Test("under systemd, which gives a service mounts of its own")
    func underSystemd() {
        let own = table(
            host.replacing("254:1 / / rw", with: "254:1 / / ro")
                + "200 27 254:1 /tmp/systemd-private-1 /tmp rw,relatime - ext4 /dev/vda1 rw\n")
        let all = lines(HostMount.all(own: own, host: table(host), root: ""))
        #expect(all == lines(HostMount.all(own: table(host), host: table(host), root: "")))
    }

    @Test("in a container that sees the host's processes")
    func hostProcesses() {
        let (own, host) = (table(container), table(host))
        #expect(HostMount.root(own: own, host: host) == "/rootfs")
        // What the container has not is not shown with the figures of the directory beneath it.
        #expect(
            lines(HostMount.all(own: own, host: host, root: "/rootfs")) == [
                "tmpfs tmpfs /run at /rootfs/run", "/dev/vda1 ext4 / at /rootfs",
                "/dev/vda2 xfs /srv/my data at /rootfs/srv/my data",
                "/dev/vda3 ext4 /mnt/broken at /rootfs/mnt/broken ro",
            ])
    }

    @Test("in a container that sees the host's root directory alone")
    func hostRoot() {
        let own = table(container)
        #expect(HostMount.root(own: own, host: nil) == "/rootfs")
        #expect(
            lines(HostMount.all(own: own, host: nil, root: "/rootfs")) == [
                "/dev/vda1 ext4 / at /rootfs", "tmpfs tmpfs /run at /rootfs/run",
                "/dev/vda2 xfs /srv/my data at /rootfs/srv/my data",
                "/dev/vda3 ext4 /mnt/broken at /rootfs/mnt/broken ro",
            ])
    }

    @Test("a container's own file systems are never the host's")
    func neither() {
        let own = table(container.replacing("/rootfs", with: "/elsewhere"))
        #expect(HostMount.root(own: own, host: nil) == nil)
        #expect(HostMount.root(own: own, host: table(host)) == nil)
        // Only what is said to be the host's root is.
        #expect(lines(HostMount.all(own: own, host: nil, root: "/elsewhere")).count == 4)
        // A directory that is bound to such a place is no root, and neither is another file system.
        let bound = table(container.replacing("254:1 / /rootfs ro", with: "254:1 /srv /rootfs ro"))
        #expect(HostMount.root(own: bound, host: nil) == nil)
        #expect(HostMount.root(own: bound, host: table(host)) == nil)
    }

    @Test("lines that are none, and names that are no text")
    func badLines() {
        let lines = """
            1 2 3
            27 1 254:1 / / rw - ext4
            28 1 254:1 / / rw shared:1 ext4 /dev/vda1 rw
            29 1 254:9 / /a\\134040b\\011c\\012d\\04 rw - ext4 /dev/my\\040disk rw
            """
        let bytes = Array(lines.utf8) + [10] + Array("30 1 254:9 / /b".utf8) + [0xff] + Array(" rw - ext4 x rw\n".utf8)
        let own = MountTable(bytes)
        #expect(own.mounts.map(\.mountPoint) == ["/a\\040b\tc\nd\\04"])
        #expect(own["/a\\040b\tc\nd\\04"]?.source == "/dev/my disk")
        #expect(table("").mounts.isEmpty)
    }
}

/// Runs work that gives its thread a mount namespace of its own, on a thread that ends with it.
func inOwnMountNamespace<T: Sendable>(_ work: @escaping @Sendable (MountCall) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(
                with: Result {
                    let mount = try #require(MountCall())
                    return try work(mount)
                })
        }
    }
}

/// `mount(2)`, which Swift does not see, in a mount namespace of the calling thread's alone.
struct MountCall {
    private typealias Function =
        @convention(c) (
            UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, CUnsignedLong, UnsafePointer<CChar>?
        ) -> CInt
    private let function: Function

    /// Leaves the namespace that the thread has been in; nothing that is mounted from here on is seen by others.
    ///
    /// - Returns: `nil` where the kernel refuses.
    init?() {
        typealias Unshare = @convention(c) (CInt) -> CInt
        guard let unshare = dlsym(nil, "unshare").map({ unsafeBitCast($0, to: Unshare.self) }),
            let mount = dlsym(nil, "mount").map({ unsafeBitCast($0, to: Function.self) }),
            // CLONE_NEWNS; MS_REC | MS_PRIVATE
            unshare(0x2_0000) == 0, mount("none", "/", nil, 0x4_4000, nil) == 0
        else { return nil }
        function = mount
    }

    func callAsFunction(_ source: String, _ path: String, _ type: String, _ options: String = "") -> Bool {
        function(source, path, type, 0, options) == 0
    }
}

@Suite("Reading mounts", .enabled(if: geteuid() == 0, "takes root to mount"))
struct MountSourceTests {
    @Test("what is mounted is there at the next look, however much is mounted", arguments: [1, 600])
    func changes(count: Int) async throws {
        let tree = TemporaryDirectory("tree", in: .memory)
        try tree.write("first/file", "")
        try tree.write("second/file", "")
        let path = tree.path
        let seen = try await inOwnMountNamespace { mount in
            // Each hides the one before.
            let source = String(repeating: "x", count: 200)
            for _ in 1...count { try #require(mount(source, "\(path)/first", "tmpfs")) }
            let mounts = MountSource("/proc/thread-self/mountinfo")
            func places() -> [String] {
                (mounts.table()?.mounts ?? []).map(\.mountPoint).filter { $0.hasPrefix(path) }
                    .map { String($0.dropFirst(path.count)) }
            }
            var seen = [places(), places()]
            try #require(mount("tmpfs", "\(path)/second", "tmpfs"))
            seen += [places(), places()]
            // One that hides another by a type that is left out hides it from us too.
            try #require(mount("proc", "\(path)/second", "proc"))
            seen.append(places())
            return seen
        }
        #expect(seen == [["/first"], ["/first"], ["/first", "/second"], ["/first", "/second"], ["/first"]])
    }
}
