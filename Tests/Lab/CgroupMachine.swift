import Foundation

/// A virtual machine that runs a script on a kernel of its own, as root and with nothing but busybox and one program:
/// there a test has cgroup v2 with every controller, limits, a disk and swap, whatever the machine is that it runs on.
///
/// The processor is emulated, which takes some seconds more than KVM and is the same everywhere: where the machine is a
/// virtual one itself, there may be a `/dev/kvm` that brings up no kernel.
public enum CgroupMachine {
    /// The kernels that there are: `linux-6.1`. `make test` puts them where `CGROUP_KERNELS` says.
    public static var kernels: [String] {
        ProcessInfo.processInfo.environment["CGROUP_KERNELS"].map {
            ((try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? []).sorted()
        } ?? []
    }

    /// What the script needs not do. `vda` and `vdb` are empty; the results go out on a third disk, since a serial port
    /// is slow and the kernel speaks on it too.
    private static let initScript = """
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin
        mount -t proc none /proc
        mount -t sysfs none /sys
        mount -t devtmpfs none /dev
        for module in /modules/*; do insmod "$module"; done
        ifconfig lo up
        cd /results
        sh -eu /script
        echo $? >/results/status
        tar -c . >/dev/vdc
        sync
        poweroff -f
        """

    /// How many run at a time: each keeps a processor busy, and other tests have time limits.
    private static let room = Room(places: 2)

    /// Boots, runs the script, and ends with it, once there is room for it.
    ///
    /// - Parameters:
    ///   - script: For busybox's `sh -eu`, in the directory whose files are the results. It knows a user `nobody`.
    ///   - program: A program in the script's `PATH`, with the libraries that it needs.
    ///   - kernel: One of ``kernels``.
    ///   - parameters: Further ones of the kernel's command line.
    ///   - seconds: The most that it may take from its start.
    public static func run(
        _ script: String, program: String, kernel: String, parameters: [String] = [], within seconds: Double
    ) async throws -> MachineResults {
        await room.enter()
        defer { room.leave() }
        guard let kernels = ProcessInfo.processInfo.environment["CGROUP_KERNELS"] else {
            throw LabError("CGROUP_KERNELS does not say where kernels are; make test sets it")
        }
        let kernel = URL(fileURLWithPath: "\(kernels)/\(kernel)")
        let own = TemporaryDirectory("machine")
        let (image, files) = (own.path("initramfs"), own.path("files"))
        mkdir(files, 0o755)
        try await initramfs(script, program: program, kernel: kernel).write(to: URL(filePath: image))
        let disks = try ["disk", "swap", "results"].map { try own.write($0, "") }
        // They take no space before they are written to.
        for disk in disks { truncate(disk, 64 << 20) }
        let machine = try Daemon(
            Self.emulator + [
                "-accel", "tcg,thread=single", "-cpu", "max", "-m", "512", "-smp", "2", "-nodefaults", "-display",
                "none",
                "-no-reboot",
                "-serial", "file:\(own.path("console"))",
                "-kernel", kernel.appendingPathComponent("vmlinuz").path, "-initrd", image,
                "-append", (Self.parameters + parameters).joined(separator: " "),
            ]
                + disks.flatMap { ["-drive", "file=\($0),if=virtio,format=raw,cache=unsafe"] },
            stop: "KILL", log: own.path("qemu"))
        let hasEnded: Bool
        do {
            hasEnded = try await machine.exitStatus(within: seconds) != nil
            try await onThreadOfItsOwn { machine.stop() }
        } catch {
            machine.stop()
            throw error
        }
        // Where the machine came to no end by itself, there is nothing to unpack.
        try await Lab.run(["tar", "-x", "-f", disks[2], "-C", files])
        let results = MachineResults(URL(filePath: files))
        let last = ["console", "qemu"].map { own.text($0).suffix(3000) }
        guard hasEnded, results["status"] == "0\n" else {
            throw LabError("\(hasEnded ? "the script failed" : "no end within \(seconds) s"): \(last.joined())")
        }
        return results
    }

    /// Without the use of CMPXCHG16B (feature 141): with it Linux 6.12 now and then fails in QEMU 7.2, and without it
    /// no failure was seen. That its emulation is at fault is a guess. Programs use it all the same, and where each
    /// processor had a thread of its own one has hung at its start.
    private static let parameters = ["console=\(console)", "quiet", "panic=-1", "clearcpuid=141", "no_timer_check"]

    // Emulation takes all of a processor that it gets, and the tests beside it have time limits.
    #if arch(arm64)
    private static let emulator = ["nice", "qemu-system-aarch64", "-machine", "virt"]
    private static let console = "ttyAMA0"
    #else
    private static let emulator = ["nice", "qemu-system-x86_64"]
    private static let console = "ttyS0"
    #endif

    private static func initramfs(_ script: String, program: String, kernel: URL) async throws -> Data {
        var archive = CpioArchive()
        archive.add("init", Data(initScript.utf8))
        archive.add("script", Data(script.utf8))
        archive.add("etc/passwd", Data("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n".utf8))
        archive.add("bin/busybox", try Data(contentsOf: kernel.appendingPathComponent("busybox")))
        let modules = kernel.appendingPathComponent("modules")
        for module in try FileManager.default.contentsOfDirectory(atPath: modules.path).sorted() {
            archive.add("modules/\(module)", try Data(contentsOf: modules.appendingPathComponent(module)))
        }
        let program = URL(fileURLWithPath: program)
        archive.add("bin/\(program.lastPathComponent)", try Data(contentsOf: program))
        // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, or for the loader its path alone.
        for line in try await Lab.run(["ldd", program.path]).output.split(separator: "\n") {
            guard let path = line.split(whereSeparator: \.isWhitespace).first(where: { $0.hasPrefix("/") }) else {
                continue
            }
            archive.add(String(path.dropFirst()), try Data(contentsOf: URL(fileURLWithPath: String(path))))
        }
        for directory in ["proc", "sys", "dev", "tmp", "results"] { archive.add(directory, nil) }
        return archive.finished
    }
}

/// What a script has left in its directory.
public struct MachineResults: Sendable {
    private var files: [String: String] = [:]

    fileprivate init(_ directory: URL) {
        for case let path as String in FileManager.default.enumerator(atPath: directory.path) ?? .init() {
            let file = directory.appendingPathComponent(path)
            files[path] = (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// A file's text by its path; `nil` where there is no such file.
    public subscript(path: String) -> String? { files[path] }
}

/// An archive as the kernel unpacks it into its first root file system: cpio's "newc", not compressed, since an
/// emulated processor takes longer to unpack than to copy. Debian's plain machines have no program for it.
struct CpioArchive {
    private var bytes = Data()
    private var directories: Set<String> = []
    private var count = 0

    /// Adds a file that everyone may run, and the directories above it.
    ///
    /// - Parameter content: `nil` for a directory.
    mutating func add(_ path: String, _ content: Data?) {
        let above = path.split(separator: "/").dropLast().joined(separator: "/")
        if !above.isEmpty, !directories.contains(above) { add(above, nil) }
        if content == nil { directories.insert(path) }
        append(path, mode: content == nil ? 0o040755 : 0o100755, content ?? Data())
    }

    /// The whole of it.
    var finished: Data {
        var copy = self
        copy.append("TRAILER!!!", mode: 0, Data())
        return copy.bytes
    }

    private mutating func append(_ name: String, mode: Int, _ content: Data) {
        count += 1
        // Inode, mode, owner and group, links, date, size, four numbers of devices, length of the name, checksum.
        let fields = [count, mode, 0, 0, 1, 0, content.count, 0, 0, 0, 0, name.utf8.count + 1, 0]
        bytes += Data(("070701" + fields.map { String(format: "%08x", $0) }.joined() + name + "\0").utf8)
        pad()
        bytes += content
        pad()
    }

    private mutating func pad() {
        bytes += Data(count: (4 - bytes.count % 4) % 4)
    }
}
