import Exposition
import Scraping

/// A column of a file that has a line for each device: its metric, and what is made of the number.
struct HostColumn {
    let descriptor: MetricDescriptor
    /// Beside the row's own; columns of one name that differ in it are series of one family.
    let label: (String, String)?
    /// How many of the number are one of the metric's unit.
    let divisor: Double
    /// Which kernels have it, where not all have.
    let versions: String?
    /// What the catalogue says of it.
    let meaning: String

    init(
        _ name: String, _ type: MetricType, _ meaning: String, label: (String, String)? = nil, divisor: Double = 1,
        versions: String? = nil
    ) {
        descriptor = MetricDescriptor(name, type, "\(meaning).")
        self.meaning = meaning
        self.label = label
        self.divisor = divisor
        self.versions = versions
    }
}

/// A collector of a file that has a line for each device.
struct HostRows: HostCollector {
    let name: String
    private let file: HostFile
    /// What the row's name is the value of.
    private let label: String
    /// Which word of a line is the row's name, from 0.
    private let nameWord: Int
    /// What the names of rows begin with, which is not a part of the label.
    private let prefix: [UInt8]
    private let separator: UInt8
    /// In the order of the file, behind the row's name.
    private let columns: [HostColumn]
    /// The rows that are left out.
    private let exclusion: RegularExpression?
    /// How far a counter of this file may step back for no reason; zero where none does.
    private let tolerance: Double

    init(
        _ name: String, _ file: HostFile, label: String, nameWord: Int, prefix: String = "",
        separator: Character = " ", excluding exclusion: String? = nil, tolerance: Double = 0, _ columns: [HostColumn]
    ) {
        self.name = name
        self.file = file
        self.label = label
        self.nameWord = nameWord
        self.prefix = Array(prefix.utf8)
        self.separator = separator.asciiValue ?? UInt8(ascii: " ")
        self.exclusion = exclusion.flatMap(RegularExpression.init)
        self.tolerance = tolerance
        self.columns = columns
    }

    var metrics: [CatalogueEntry] {
        var entries: [CatalogueEntry] = []
        for column in columns where entries.last?.descriptor.name != column.descriptor.name {
            let labels = [label] + (column.label.map { [$0.0] } ?? [])
            entries.append(
                CatalogueEntry(column.descriptor, labels: labels, source: file.path, versions: column.versions))
        }
        return entries
    }

    func answer(from reader: HostReader) throws(CollectorError) -> HostAnswer {
        let bytes: [UInt8]
        switch try reader.content(of: file) {
        case .bytes(let content): bytes = content
        case .none: return .nothing(nil)
        case .notOfTheHost: return .notOfTheHost(file)
        }
        let cache = reader.rowCache(of: name)
        cache.begin()
        var families: [MetricFamily] = []
        var places: [Int] = []
        for column in columns {
            if families.last?.descriptor.name != column.descriptor.name {
                families.append(MetricFamily(column.descriptor))
                families[families.count - 1].samples.reserveCapacity(cache.count)
            }
            places.append(families.count - 1)
        }
        var text = HostText(bytes, separator: separator)
        while text.nextLine() {
            let word = text.word(nameWord)
            guard word.starts(with: prefix), word.count > prefix.count else { continue }
            let row = cache.row(word.dropFirst(prefix.count)) { makeRow($0) }
            guard row.isShown else { continue }
            for (index, column) in columns.enumerated() {
                // Older kernels have fewer columns.
                guard let number = text.number(nameWord + 1 + index) else { break }
                let value = row.settled(number / column.divisor, at: index, tolerance: tolerance)
                families[places[index]].append(value, row.labels[index])
            }
        }
        cache.end()
        return .families(families)
    }

    private func makeRow(_ name: [UInt8]) -> HostRow {
        let text = String(kernel: name)
        // The lines above a table's rows have no numbers; their names are none.
        let isShown = exclusion.map { !$0.isFound(in: text) } ?? true
        let own = Labels([(label, text)])
        return HostRow(
            name: name, labels: columns.map { column in column.label.map { own.adding($0.0, $0.1) } ?? own },
            isShown: isShown)
    }
}

/// What is kept of a row.
final class HostRow {
    let name: [UInt8]
    /// By column.
    let labels: [Labels]
    let isShown: Bool
    private var values: [Double] = []

    init(name: [UInt8], labels: [Labels], isShown: Bool) {
        self.name = name
        self.labels = labels
        self.isShown = isShown
    }

    /// A counter that has stepped back a little stands still: to Prometheus it would have begun anew at 0, and all that
    /// it counted since the start of the machine would have happened since the last scrape. One that steps back by more
    /// has begun anew.
    func settled(_ value: Double, at index: Int, tolerance: Double) -> Double {
        guard tolerance > 0 else { return value }
        while values.count <= index { values.append(0) }
        if values[index] < value || values[index] - value >= tolerance { values[index] = value }
        return values[index]
    }
}

/// The rows of a file, in its order, which hardly ever changes: so each is found where it was.
final class HostRowCache {
    private var rows: [HostRow] = []
    private var seen: [HostRow] = []
    private var cursor = 0

    var count: Int { rows.count }

    func begin() {
        seen.removeAll(keepingCapacity: true)
        cursor = 0
    }

    /// The row of that name, which is made where it is new.
    func row(_ name: ArraySlice<UInt8>, make: ([UInt8]) -> HostRow) -> HostRow {
        let row: HostRow
        if let index = rows[cursor...].firstIndex(where: { name.elementsEqual($0.name) })
            ?? rows[..<cursor].firstIndex(where: { name.elementsEqual($0.name) })
        {
            row = rows[index]
            cursor = index + 1
        } else {
            row = make(Array(name))
        }
        seen.append(row)
        return row
    }

    /// Forgets what was not there any more.
    func end() { swap(&rows, &seen) }
}
