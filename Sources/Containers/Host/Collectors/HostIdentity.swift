import Exposition
import Glibc
import Scraping

/// The host's clock.
struct HostClock: HostCollector {
    private static let time = CatalogueEntry(
        "node_time_seconds", .gauge, "The time, in seconds since 1970", source: "clock_gettime")

    let name = "node_time"
    var metrics: [CatalogueEntry] { [Self.time] }

    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return .families([MetricFamily(Self.time.descriptor, Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)])
    }
}

/// The host's name and its kernel's.
struct HostIdentity: HostCollector {
    private static let identity = CatalogueEntry(
        "node_uname_info", .gauge,
        "The host's name and its kernel's as labels; in a container with a name of its own the host's is that of its "
            + "/etc/hostname, where that can be seen",
        labels: ["sysname", "release", "version", "machine", "nodename", "domainname"], source: "uname")

    let name = "node_uname"
    var metrics: [CatalogueEntry] { [Self.identity] }

    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer {
        var names = utsname()
        uname(&names)
        var labels = [
            ("sysname", Self.text(&names.sysname)), ("release", Self.text(&names.release)),
            ("version", Self.text(&names.version)), ("machine", Self.text(&names.machine)),
        ]
        if reader.view.isInHostUTS {
            labels.append(("nodename", Self.text(&names.nodename)))
            labels.append(("domainname", Self.text(&names.__domainname)))
        } else if let root = reader.mounts()?.root,
            let bytes = try? File.contents(of: "\(root)/etc/hostname", limit: 256)
        {
            labels.append(("nodename", String(kernel: bytes.prefix { $0 > UInt8(ascii: " ") })))
        }
        return .families([MetricFamily(Self.identity.descriptor, 1, Labels(labels))])
    }

    private static func text<Characters>(_ characters: inout Characters) -> String {
        withUnsafeBytes(of: &characters) { String(kernel: $0.prefix { $0 != 0 }) }
    }
}
