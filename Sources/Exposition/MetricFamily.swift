/// What a family's samples mean to Prometheus.
public enum MetricType: String, Sendable {
    case counter, gauge, histogram, summary
    /// `untyped` in text 0.0.4.
    case unknown
}

/// The base unit of a family's values.
public enum MetricUnit: String, Sendable {
    case seconds, bytes, ratio
}

/// Name, type, unit and meaning of a family: everything but its samples.
public struct MetricDescriptor: Sendable, Hashable {
    /// The full name as text 0.0.4 shows it, a counter's `_total` included.
    public let name: String
    /// Whether it counts, measures or distributes.
    public let type: MetricType
    /// What it means and where it comes from, in one sentence.
    public let help: String
    /// The unit of its values; `nil` for plain numbers and for names that keep another exporter's unit.
    public let unit: MetricUnit?

    /// - Parameter unit: Where it is left out, the one that the name ends in (`_seconds`, `_bytes_total`, `_ratio`).
    public init(_ name: String, _ type: MetricType, _ help: String, unit: MetricUnit? = nil) {
        self.name = name
        self.type = type
        self.help = help
        self.unit = unit ?? Self.unit(of: name)
    }

    private static func unit(of name: String) -> MetricUnit? {
        let base = name.hasSuffix("_total") ? name.dropLast("_total".count) : name[...]
        return [MetricUnit.seconds, .bytes, .ratio].first { base.hasSuffix("_\($0.rawValue)") }
    }

    /// Whether the name may stand on a page: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public var isLegal: Bool {
        var isFirst = true
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
                UInt8(ascii: ":"):
                break
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !isFirst: break
            default: return false
            }
            isFirst = false
        }
        return !isFirst
    }
}

/// All samples of one name.
public struct MetricFamily: Sendable {
    /// Name, type, unit and meaning.
    public let descriptor: MetricDescriptor
    /// In the order in which the source gave them, which must be the same at every scrape.
    public var samples: [Sample] = []

    /// A family without samples; it does not appear on the page until it has one.
    public init(_ descriptor: MetricDescriptor) {
        self.descriptor = descriptor
    }

    /// A family of one number.
    public init(_ descriptor: MetricDescriptor, _ value: Double, _ labels: Labels = .none) {
        self.descriptor = descriptor
        append(value, labels)
    }

    /// Adds a number.
    public mutating func append(_ value: Double, _ labels: Labels = .none) {
        samples.append(Sample(labels: labels, value: .number(value)))
    }

    /// Adds a histogram.
    public mutating func append(_ value: Histogram, _ labels: Labels = .none) {
        samples.append(Sample(labels: labels, value: .histogram(value)))
    }

    /// Adds a summary.
    public mutating func append(_ value: Summary, _ labels: Labels = .none) {
        samples.append(Sample(labels: labels, value: .summary(value)))
    }
}

/// A value under one label set.
public struct Sample: Sendable, Equatable {
    /// What a sample may hold.
    public enum Value: Sendable, Equatable {
        case number(Double)
        indirect case histogram(Histogram)
        indirect case summary(Summary)
    }

    /// What tells it from the family's other samples.
    public var labels: Labels
    /// A number, a histogram or a summary.
    public let value: Value

    /// A value under its labels.
    public init(labels: Labels, value: Value) {
        self.labels = labels
        self.value = value
    }

    /// How many series this sample is on the page.
    public var seriesCount: Int {
        switch value {
        case .number: 1
        case .histogram(let histogram): histogram.buckets.count + 3
        case .summary(let summary): summary.quantiles.count + 2
        }
    }
}

/// A classic histogram: observations counted by upper bound.
public struct Histogram: Sendable, Equatable {
    /// How many observations were at most `upperBound`.
    public struct Bucket: Sendable, Equatable {
        /// The largest value that counts, in the metric's unit.
        public let upperBound: Double
        /// All observations up to the bound, not only those since the bound before.
        public let cumulativeCount: UInt64

        /// A bound and the count of all observations up to it.
        public init(upperBound: Double, cumulativeCount: UInt64) {
            self.upperBound = upperBound
            self.cumulativeCount = cumulativeCount
        }
    }

    /// By rising bound, without `+Inf`.
    public let buckets: [Bucket]
    /// All observations; the value of the `+Inf` bucket.
    public let count: UInt64
    /// All observed values added up, in the metric's unit.
    public let sum: Double

    /// - Parameter buckets: By rising bound, without `+Inf`.
    public init(buckets: [Bucket], count: UInt64, sum: Double) {
        self.buckets = buckets
        self.count = count
        self.sum = sum
    }
}

/// Quantiles that the source computed.
public struct Summary: Sendable, Equatable {
    /// A quantile and its value.
    public struct Quantile: Sendable, Equatable {
        /// As the source names it; 0 to 1, except where compatibility says otherwise.
        public let rank: Double
        /// The value at that rank, in the metric's unit.
        public let value: Double

        /// A quantile and its value.
        public init(rank: Double, value: Double) {
            self.rank = rank
            self.value = value
        }
    }

    /// By rising rank.
    public let quantiles: [Quantile]
    /// All observations.
    public let count: UInt64
    /// All observed values added up, in the metric's unit.
    public let sum: Double

    /// - Parameter quantiles: By rising rank.
    public init(quantiles: [Quantile], count: UInt64, sum: Double) {
        self.quantiles = quantiles
        self.count = count
        self.sum = sum
    }
}
