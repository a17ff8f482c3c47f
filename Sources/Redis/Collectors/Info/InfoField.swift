import Exposition
import Scraping

/// A field of INFO that is a metric as it stands: the tables are ``gauges`` and ``counters``.
struct InfoField {
    /// As INFO names it.
    let field: String
    /// The metric's name behind `redis_`.
    let metric: String
    /// What it means, without the source, which is added.
    let help: String
    /// Which servers have it, where not all have: `Redis 7.4+`, `KeyDB`.
    let versions: String?
    /// How many of the field's units make one of the metric's; dividing by it keeps decimals short.
    let divisor: Double
    /// The least number that is a value; what is below it says that there is none.
    let minimum: Double

    /// - Parameter metric: Where it is left out, the metric has the field's name.
    init(
        _ field: String, as metric: String? = nil, _ help: String, versions: String? = nil, divisor: Double = 1,
        minimum: Double = -.infinity
    ) {
        self.field = field
        self.metric = metric ?? field
        self.help = help
        self.versions = versions
        self.divisor = divisor
        self.minimum = minimum
    }

    /// Which command tells of it.
    enum Source: String {
        case info = "INFO"
        case modules = "INFO MODULES"
        case tile38 = "SERVER EXT"

        fileprivate init(of field: String) {
            if field.hasPrefix("tile38_") {
                self = .tile38
            } else {
                self = field.hasPrefix("search_") || field.hasPrefix("bf_") ? .modules : .info
            }
        }
    }

    private func entry(_ type: MetricType) -> CatalogueEntry {
        CatalogueEntry(
            "redis_\(metric)", type, help, source: "\(Source(of: field).rawValue) \(field)", versions: versions)
    }

    private typealias Row = (descriptor: MetricDescriptor, divisor: Double, minimum: Double)

    private static let byField: [Info.Text: Row] = {
        var byField: [Info.Text: Row] = [:]
        for (type, table) in [(MetricType.gauge, gauges), (.counter, counters)] {
            for row in table {
                byField[Array(row.field.utf8)[...]] = (row.entry(type).descriptor, row.divisor, row.minimum)
            }
        }
        return byField
    }()

    private static let ioThreadTime = CatalogueEntry(
        "redis_active_time_io_thread_seconds_total", .counter, "Seconds that an I/O thread was at work",
        labels: ["thread"], source: "INFO used_active_time_io_thread_<n>", versions: "Valkey")

    /// What the catalogue tells of fields from there.
    static func metrics(from source: Source) -> [CatalogueEntry] {
        [(MetricType.gauge, gauges), (.counter, counters)].flatMap { type, table in
            table.filter { Source(of: $0.field) == source }.map { $0.entry(type) }
        }
    }

    /// What the catalogue tells of INFO.
    static var metrics: [CatalogueEntry] {
        metrics(from: .info) + [clusterEntry("cluster_<field>", field: "cluster_<field>"), ioThreadTime]
    }

    /// The families of all fields that are in the tables or tell of the cluster. Fields without a number are left out.
    static func families(_ info: Info) -> [MetricFamily] {
        var families: [MetricFamily] = []
        var ioThreadTime = MetricFamily(ioThreadTime.descriptor)
        for line in info.lines {
            if let row = byField[line.field] {
                if let number = line.value.numberOrStatus, number >= row.minimum {
                    families.append(MetricFamily(row.descriptor, number / row.divisor))
                }
            } else if line.field.after("cluster_") != nil {
                // The messages of each type are fields of their own, which is why there can be no table.
                if let number = line.value.numberOrStatus {
                    families.append(MetricFamily(clusterField(line.field), number))
                }
            } else if let thread = line.field.after("used_active_time_io_thread_"), let seconds = line.value.number {
                ioThreadTime.append(seconds, ["thread": thread.text])
            }
        }
        return families + [ioThreadTime]
    }

    private static func clusterField(_ field: Info.Text) -> MetricDescriptor {
        let name = String(decoding: field.map { $0.isLegalInName ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        return clusterEntry(name, field: field.text).descriptor
    }

    private static func clusterEntry(_ metric: String, field: String) -> CatalogueEntry {
        CatalogueEntry(
            "redis_\(metric)", .gauge, "The cluster as this node sees it, where 1 is ok and 0 is fail",
            source: "INFO or CLUSTER INFO \(field)")
    }
}

extension Info.Text {
    /// The text as a number, or 1 and 0 for what says that something is well or not.
    fileprivate var numberOrStatus: Double? {
        if equals("ok") || equals("true") { return 1 }
        if equals("err") || equals("fail") || equals("false") { return 0 }
        return number
    }
}

extension UInt8 {
    fileprivate var isLegalInName: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
