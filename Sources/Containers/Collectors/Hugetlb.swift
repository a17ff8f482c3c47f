import Exposition
import Scraping

/// Huge pages in use.
///
/// Only pages of sizes of which the machine has some are looked for: on most there are none, and nothing is read.
struct Hugetlb: ContainerCollector {
    /// Where the kernel has a directory for each size.
    var pools = "/sys/kernel/mm/hugepages"

    let name = "container_hugetlb"

    var metrics: [CatalogueEntry] { Self.table("<size>").metrics }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        try deadline.check()
        let sizes = sizes
        guard !sizes.isEmpty else { return [] }
        return try Self.table(sizes).families(from: reader, until: deadline)
    }

    /// The sizes of which there are pages, those included that are only there while they are needed (surplus).
    private var sizes: [String] {
        guard let names = try? Directory.names(in: pools) else { return [] }
        return names.sorted().compactMap { name in
            guard name.hasPrefix("hugepages-"), let kibibytes = Int(name.dropFirst(10).dropLast(2)),
                let text = try? File.contents(of: "\(pools)/\(name)/nr_hugepages", limit: 32),
                text.contains(where: { (UInt8(ascii: "1")...UInt8(ascii: "9")).contains($0) })
            else { return nil }
            return Self.label(ofKibibytes: kibibytes)
        }
    }

    /// As cgroup files write it: `64KB`, `2MB`, `1GB`.
    private static func label(ofKibibytes size: Int) -> String {
        if size >= 1 << 20 { return "\(size >> 20)GB" }
        return size >= 1 << 10 ? "\(size >> 10)MB" : "\(size)KB"
    }

    private static func table(_ sizes: String...) -> CgroupTable { table(sizes) }

    private static func table(_ sizes: [String]) -> CgroupTable {
        CgroupTable(
            "container_hugetlb \(sizes.joined(separator: " "))",
            sizes.flatMap { size in
                [
                    CgroupMetric(
                        "container_hugetlb_usage_bytes", .gauge,
                        "Huge pages in use or reserved.",
                        labels: [("pagesize", size)],
                        v2: [source("hugetlb.\(size).rsvd.current"), source("hugetlb.\(size).current")],
                        v1: [source("hugetlb.\(size).rsvd.usage_in_bytes"), source("hugetlb.\(size).usage_in_bytes")]
                    ),
                    CgroupMetric(
                        "container_hugetlb_max_usage_bytes", .gauge,
                        "The most that was ever in use or reserved; cgroup v2 does not tell.",
                        labels: [("pagesize", size)],
                        v1: [
                            source("hugetlb.\(size).rsvd.max_usage_in_bytes"),
                            source("hugetlb.\(size).max_usage_in_bytes"),
                        ],
                        versions: "cgroup v1"
                    ),
                    CgroupMetric(
                        "container_hugetlb_failcnt", .counter,
                        "How often huge pages were refused because of their limit.",
                        labels: [("pagesize", size)],
                        v2: [source("hugetlb.\(size).events: max")],
                        // v2 counts both kinds of refusal in one.
                        v1: [.plain(field("hugetlb.\(size).rsvd.failcnt"), field("hugetlb.\(size).failcnt"))]
                    ),
                ]
            }
        )
    }

    private static func field(_ text: String) -> CgroupField { CgroupField(stringLiteral: text) }
    private static func source(_ text: String) -> CgroupSource { .plain(field(text)) }
}
