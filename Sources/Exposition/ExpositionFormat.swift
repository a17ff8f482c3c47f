/// The formats a page can be written in.
public enum ExpositionFormat: Sendable, CaseIterable {
    /// Prometheus text 0.0.4.
    case text
    /// OpenMetrics text 1.0.0.
    case openMetrics

    /// The page's media type, without an `escaping` parameter.
    public var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// Writes families behind what is in `page`, each family in one piece and in the order given; a family without
    /// samples is left out.
    ///
    /// Names must be legal and differ (the gather sees to both).
    public func encode(_ families: [MetricFamily], into page: inout [UInt8]) {
        // OpenMetrics names a counter's family without `_total`: where another family has that name, the counter keeps
        // its own and is typed unknown, since a name must not be declared twice.
        let names = self == .openMetrics ? Set(families.map(\.descriptor.name)) : []
        for family in families where !family.samples.isEmpty {
            if self == .openMetrics, let parts = family.partsOfForeignSummary {
                for part in parts { encode(part, isTaken: names.contains, into: &page) }
            } else {
                encode(family, isTaken: names.contains, into: &page)
            }
        }
        if self == .openMetrics { page.append("# EOF\n") }
    }

    /// How many bytes families take in this format, hardly ever too few.
    public func approximateSize(of families: [MetricFamily]) -> Int {
        var size = 64
        for family in families where !family.samples.isEmpty {
            // Twice in the head, beside the type and the unit.
            let name = family.descriptor.name.utf8.count
            size += 3 * name + family.descriptor.help.utf8.count + 64
            let samples = family.samples.span
            for index in samples.indices {
                // A suffix and a bound for each series of a histogram, and up to 20 characters of a number.
                let count = samples[index].seriesCount
                size += count * (name + samples[index].labels.rendered.count + 24)
                if count > 1 { size += count * 40 }
            }
        }
        return size
    }

    private func encode(_ family: MetricFamily, isTaken: (String) -> Bool, into page: inout [UInt8]) {
        let descriptor = family.descriptor
        var name = descriptor.name
        var type = descriptor.type
        if self == .openMetrics, type == .counter {
            let base = String(name.dropLast("_total".count))
            if name.hasSuffix("_total"), !base.isEmpty, !isTaken(base) {
                name = base
            } else {
                type = .unknown
            }
        }

        page.append("# HELP ")
        page.append(contentsOf: name.utf8)
        page.append(UInt8(ascii: " "))
        page.appendEscaped(descriptor.help.utf8, quotes: self == .openMetrics)
        page.append("\n# TYPE ")
        page.append(contentsOf: name.utf8)
        page.append(UInt8(ascii: " "))
        page.append(contentsOf: (self == .text && type == .unknown ? "untyped" : type.rawValue).utf8)
        page.append(UInt8(ascii: "\n"))
        if self == .openMetrics, let unit = descriptor.unit, name.hasSuffix("_\(unit.rawValue)") {
            page.append("# UNIT ")
            page.append(contentsOf: name.utf8)
            page.append(UInt8(ascii: " "))
            page.append(contentsOf: unit.rawValue.utf8)
            page.append(UInt8(ascii: "\n"))
        }
        // Through a span, samples are looked at where they are: copying one would count references, twice each.
        let samples = family.samples.span
        for index in samples.indices {
            switch samples[index].value {
            case .number(let value):
                encode(descriptor.name, "", samples[index].labels, into: &page) { $0.append(number: value) }
            case .histogram(let histogram):
                encode(histogram, of: descriptor.name, samples[index].labels, into: &page)
            case .summary(let summary):
                encode(summary, of: descriptor.name, samples[index].labels, into: &page)
            }
        }
    }

    private func encode(_ histogram: Histogram, of name: String, _ labels: Labels, into page: inout [UInt8]) {
        for bucket in histogram.buckets {
            encode(name, "_bucket", labels, bound: ("le", bucket.upperBound), into: &page) {
                $0.append(integer: bucket.cumulativeCount)
            }
        }
        encode(name, "_bucket", labels, bound: ("le", .infinity), into: &page) { $0.append(integer: histogram.count) }
        encode(name, "_sum", labels, into: &page) { $0.append(number: histogram.sum) }
        encode(name, "_count", labels, into: &page) { $0.append(integer: histogram.count) }
    }

    private func encode(_ summary: Summary, of name: String, _ labels: Labels, into page: inout [UInt8]) {
        for quantile in summary.quantiles {
            encode(name, "", labels, bound: ("quantile", quantile.rank), into: &page) {
                $0.append(number: quantile.value)
            }
        }
        encode(name, "_sum", labels, into: &page) { $0.append(number: summary.sum) }
        encode(name, "_count", labels, into: &page) { $0.append(integer: summary.count) }
    }

    /// One line: name, suffix, labels with a bound behind them, value.
    @inline(__always)
    private func encode(
        _ name: String,
        _ suffix: StaticString,
        _ labels: Labels,
        bound: (name: StaticString, value: Double)? = nil,
        into page: inout [UInt8],
        value: (inout [UInt8]) -> Void
    ) {
        page.append(contentsOf: name.utf8)
        page.append(suffix)
        if bound != nil || !labels.rendered.isEmpty {
            page.append(UInt8(ascii: "{"))
            page.append(contentsOf: labels.rendered)
            if let bound {
                if !labels.rendered.isEmpty { page.append(UInt8(ascii: ",")) }
                page.append(bound.name)
                page.append("=\"")
                page.append(bound: bound.value, fraction: self == .openMetrics)
                page.append(UInt8(ascii: "\""))
            }
            page.append(UInt8(ascii: "}"))
        }
        page.append(UInt8(ascii: " "))
        value(&page)
        page.append(UInt8(ascii: "\n"))
    }
}

extension MetricFamily {
    /// The families that a summary with ranks beyond 0 to 1 is to OpenMetrics, which allows no such quantiles: its
    /// quantiles, sums and counts apart, under the names and labels that text 0.0.4 has. `nil` for any other family.
    fileprivate var partsOfForeignSummary: [MetricFamily]? {
        guard descriptor.type == .summary else { return nil }
        var quantiles = MetricFamily(MetricDescriptor(descriptor.name, .unknown, descriptor.help))
        var sums = MetricFamily(MetricDescriptor("\(descriptor.name)_sum", .unknown, descriptor.help))
        var counts = MetricFamily(MetricDescriptor("\(descriptor.name)_count", .unknown, descriptor.help))
        var isForeign = false
        for case let (labels, .summary(summary)) in samples.map({ ($0.labels, $0.value) }) {
            for quantile in summary.quantiles {
                isForeign = isForeign || !(0...1).contains(quantile.rank)
                var rank: [UInt8] = []
                rank.append(bound: quantile.rank, fraction: false)
                quantiles.append(quantile.value, labels.adding("quantile", String(decoding: rank, as: UTF8.self)))
            }
            sums.append(summary.sum, labels)
            counts.append(Double(summary.count), labels)
        }
        return isForeign ? [quantiles, sums, counts] : nil
    }
}
