import Exposition
public import Scraping

/// One kind of files of the host, named after node_exporter's collector of it.
protocol HostCollector: Collector {
    /// - Throws: Where there is something to read, and it cannot be read.
    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer
}

/// What a collector of the host has to say.
enum HostAnswer {
    case families([MetricFamily])
    /// There is nothing to collect, and what is to be said of it.
    case nothing(CollectorError?)

    /// What is read is of the exporter's own network namespace, which is not the host's.
    static func notOfTheHost(_ file: HostFile) -> HostAnswer {
        let network = [
            Remedy("compose.yaml", "network_mode: host"), Remedy("docker run", "--network=host", isAlternative: true),
        ]
        // A setting is that of the reader, whoever's /proc it is read through.
        let files = Remedy(
            "compose.yaml", #"volumes: ["/proc:/host/proc:ro"]"#, isAlternative: true)
        return .nothing(
            CollectorError(
                .permission, "\(file.path) is that of the exporter's own network namespace",
                remedies: file.scope == .networkSetting ? network : network + [files]))
    }
}

/// The collectors of the host.
public enum HostCollectors {
    /// In the order in which they run: file systems come last, since they alone may hang.
    static let all: [any Collector] = tables + [FileSystemCollector()]

    /// Those that read files of `/proc`.
    static let tables: [any HostCollector] = [
        cpu, stat, load, memory, virtualMemory, pressure, disk, network, sockets, conntrack, files, HostClock(),
        HostIdentity(),
    ]

    /// Their names, as `--collector.<name>` knows them.
    public static var catalogue: [any Collector] { all }
}
