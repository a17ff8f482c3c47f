import Glibc
import Scraping

/// What of the host can be seen from where the exporter runs, which may be a container with namespaces of its own.
struct HostView {
    /// Whether `procfs` shows the host's processes, so that its process 1 is the host's.
    ///
    /// Kernel threads live in the first PID namespace alone, where kthreadd is process 2, and no process can give
    /// itself the flag `PF_KTHREAD`. This holds for a host's `/proc` mounted into a container too.
    let isProcOfHost: Bool
    /// Whether the exporter itself is in the host's network namespace: the kernel shows `net/core/netdev_budget` there
    /// and nowhere else, since it is not set by namespace.
    let isInHostNetwork: Bool
    /// The `net` directory of a process in the host's network namespace; `nil` where none can be seen.
    let networkDirectory: String?
    /// Whether the exporter itself is in the host's UTS namespace, whose number is fixed (`PROC_UTS_INIT_INO`, since
    /// Linux 3.8), so that its host name is the host's.
    let isInHostUTS: Bool

    init(procfs: String) {
        isProcOfHost = Self.isKernelThread(2, in: procfs)
        isInHostNetwork = access("\(procfs)/sys/net/core/netdev_budget", F_OK) == 0
        networkDirectory =
            isProcOfHost ? "\(procfs)/1/net" : isInHostNetwork ? "\(procfs)/self/net" : nil
        isInHostUTS = Self.link("\(procfs)/self/ns/uts") == "uts:[\(0xEFFF_FFFE)]"
    }

    private static func isKernelThread(_ process: Int, in procfs: String) -> Bool {
        guard let stat = try? File.contents(of: "\(procfs)/\(process)/stat", limit: 4096),
            // The name before it may have any byte in it.
            let end = stat.lastIndex(of: UInt8(ascii: ")"))
        else { return false }
        let fields = String(kernel: stat[(end + 1)...]).split(separator: " ")
        guard fields.count > 6, let flags = UInt64(fields[6]) else { return false }
        return flags & 0x20_0000 != 0
    }

    private static func link(_ path: String) -> String {
        var target = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &target, target.count)
        return String(kernel: target.prefix(max(count, 0)).map(UInt8.init(bitPattern:)))
    }
}
