import Exposition
import Scraping

/// A metric that was made of a file's own words.
struct HostNamedMetric {
    let descriptor: MetricDescriptor
    /// By how much the number is multiplied.
    let factor: Double
}

/// The metrics made of a file's own words, each kept by its place: the kernel does not change their order.
final class HostNameCache {
    private var known: [(key: [UInt8], metrics: [HostNamedMetric])] = []

    /// What is made of a word at a place; `make` is asked where another word stood there.
    func metrics(at index: Int, _ key: ArraySlice<UInt8>, make: (String) -> [HostNamedMetric]) -> [HostNamedMetric] {
        if index < known.count, key.elementsEqual(known[index].key) { return known[index].metrics }
        while known.count <= index { known.append(([], [])) }
        known[index] = (Array(key), make(String(kernel: key)))
        return known[index].metrics
    }
}

/// A collector of files whose own words are the names of the metrics.
struct HostNames: HostCollector {
    /// What stands on a line.
    enum Layout {
        /// A name, its number, and maybe a unit: `MemFree: 1234 kB`.
        case line
        /// A name, and pairs of a name and a number: `TCP: inuse 1 orphan 0`.
        case pairs
    }

    let name: String
    let metrics: [CatalogueEntry]
    private let files: [HostFile]
    private let layout: Layout
    /// What becomes of a name; the unit where one stands behind the number.
    private let make: @Sendable (_ name: String, _ unit: String) -> [HostNamedMetric]

    init(
        _ name: String, _ files: [HostFile], _ layout: Layout, _ metrics: [CatalogueEntry],
        make: @escaping @Sendable (_ name: String, _ unit: String) -> [HostNamedMetric]
    ) {
        self.name = name
        self.files = files
        self.layout = layout
        self.metrics = metrics
        self.make = make
    }

    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer {
        let cache = reader.nameCache(of: name)
        var families: [MetricFamily] = []
        var place = 0
        func add(_ value: Double?, _ key: ArraySlice<UInt8>, _ name: (String) -> [HostNamedMetric]) {
            if let value {
                for metric in cache.metrics(at: place, key, make: name) {
                    families.append(MetricFamily(metric.descriptor, value * metric.factor))
                }
            }
            place += 1
        }
        for file in files {
            switch try reader.content(of: file) {
            case .none: continue
            case .notOfTheHost: return .notOfTheHost(file)
            case .bytes(let bytes):
                var text = HostText(bytes, separator: UInt8(ascii: ":"))
                while text.nextLine() {
                    switch layout {
                    case .line:
                        add(text.number(1), text.word(0)) { make($0, String(kernel: text.word(2))) }
                    case .pairs:
                        for index in stride(from: 1, to: text.words.count - 1, by: 2) {
                            // Both names at once, since `inuse` alone stands on many lines.
                            let key = bytes[text.words[0].lowerBound..<text.words[index].upperBound]
                            add(text.number(index + 1), key) { _ in
                                make("\(String(kernel: text.word(0)))_\(String(kernel: text.word(index)))", "")
                            }
                        }
                    }
                }
            }
        }
        return families.isEmpty ? .nothing(nil) : .families(families)
    }
}
