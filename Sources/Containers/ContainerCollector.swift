import Exposition
public import Scraping

/// What is read of every cgroup: one kind of files, most of them described by a ``CgroupTable``.
protocol ContainerCollector: Collector {
    /// Reads every cgroup of the reader's tree.
    ///
    /// - Throws: `timeout` when the deadline passes or the task is cancelled between two cgroups. A cgroup that vanishes
    ///   or a file that is missing is no error.
    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily]
}

/// The collectors of containers.
public enum ContainerCollectors {
    /// In the order in which they run.
    ///
    /// Memory comes before CPU: reading `memory.stat` and `cpu.stat` in turns makes Linux 5.15 to 6.7 sum up the
    /// statistics of the whole tree again and again, 6 times the cost of one after the other.
    static let all: [any ContainerCollector] = [
        memory, cpu, pressure, processes, DiskIO(), Network(), Hugetlb(), OpenFiles(), details, Lifetime(), State(),
        Machine(),
    ]

    /// Their names, as `--collector.<name>` knows them, and whether they run by default.
    public static var catalogue: [any Collector] { all }
}
