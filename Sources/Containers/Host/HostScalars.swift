import Exposition
import Scraping

/// A number that stands in a fixed place of a file, and its metric.
struct HostScalar {
    let entry: CatalogueEntry
    let file: HostFile
    /// The first word of its line; `nil` where it is on the first line.
    let key: [UInt8]?
    /// Which word of the line it is, from 0.
    let word: Int
    /// How many of the number are one of the metric's unit.
    let divisor: Double

    init(
        _ name: String, _ type: MetricType, _ meaning: String, _ file: HostFile, key: String? = nil, word: Int,
        divisor: Double = 1, versions: String? = nil
    ) {
        let source = key.map { "\(file.path): \($0)" } ?? file.path
        entry = CatalogueEntry(name, type, meaning, source: source, versions: versions)
        self.file = file
        self.key = key.map { Array($0.utf8) }
        self.word = word
        self.divisor = divisor
    }
}

/// A collector of numbers that are there once.
struct HostScalars: HostCollector {
    let name: String
    private let scalars: [HostScalar]
    private let files: [HostFile]
    private let separator: UInt8

    /// - Parameter separator: What stands between words, beside spaces.
    init(_ name: String, separator: Character = " ", _ scalars: [HostScalar]) {
        self.name = name
        self.scalars = scalars
        self.separator = separator.asciiValue ?? UInt8(ascii: " ")
        files = scalars.map(\.file).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    var metrics: [CatalogueEntry] { scalars.map(\.entry) }

    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer {
        var families: [MetricFamily] = []
        var hidden: HostFile?
        for file in files {
            switch try reader.content(of: file) {
            case .bytes(let bytes): read(HostText(bytes, separator: separator), of: file, into: &families)
            case .none: continue
            case .notOfTheHost: hidden = file
            }
        }
        if families.isEmpty { return hidden.map(HostAnswer.notOfTheHost) ?? .nothing(nil) }
        return .families(families)
    }

    private func read(_ content: HostText, of file: HostFile, into families: inout [MetricFamily]) {
        var text = content
        var isFirst = true
        while text.nextLine() {
            for scalar in scalars where scalar.file == file {
                guard scalar.key.map({ text.word(0).elementsEqual($0) }) ?? isFirst,
                    let value = text.number(scalar.word)
                else { continue }
                families.append(MetricFamily(scalar.entry.descriptor, value / scalar.divisor))
            }
            isFirst = false
        }
    }
}
