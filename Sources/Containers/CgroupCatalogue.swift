import Exposition
import Scraping

extension CgroupTable {
    /// What the catalogue tells, from the rows; those of one name are one family.
    var metrics: [CatalogueEntry] {
        var entries: [CatalogueEntry] = []
        for row in rows where !entries.contains(where: { $0.descriptor.name == row.descriptor.name }) {
            let columns = rows.filter { $0.descriptor.name == row.descriptor.name }.map(\.columns)
            let v1 = Self.text(columns.map(\.v1))
            let source = Self.text(columns) + (row.ratio.map { ", divided by \(Self.text([$0]))" } ?? "")
            entries.append(
                CatalogueEntry(
                    row.descriptor, labels: Cgroup.labelNames + row.labels.map(\.0), source: source,
                    versions: row.versions ?? (v1.isEmpty ? "cgroup v2" : nil)))
        }
        return entries
    }

    /// `memory.max; on v1 memory.limit_in_bytes; of the machine meminfo: MemTotal`
    private static func text(_ columns: [CgroupColumns]) -> String {
        let v2 = text(columns.map(\.v2))
        let v1 = text(columns.map(\.v1))
        let top = text(columns.map(\.top))
        let rule = columns.allSatisfy { $0.rule == .leastOfPath } ? "the least, up to the root, of " : ""
        return rule + v2 + (v1.isEmpty || v1 == v2 ? "" : "; on v1 \(v1)")
            + (top.isEmpty ? "" : "; of the machine \(top)")
    }

    /// The sources of several rows, each with what is taken where the first gives nothing.
    private static func text(_ rows: [[CgroupSource]]) -> String {
        var texts: [String] = []
        for row in rows {
            let text = row.map(\.text).joined(separator: " or ")
            if !text.isEmpty, !texts.contains(text) { texts.append(text) }
        }
        return texts.joined(separator: ", ")
    }
}

extension CgroupSource {
    /// `memory.stat: anon + file - inactive_file`: a file is named once.
    fileprivate var text: String {
        var text = ""
        var file = ""
        for (sign, field) in fields.map({ (" + ", $0) }) + [(" - ", less), (" / ", per)] {
            guard let field else { continue }
            if !text.isEmpty { text += sign }
            text += field.file == file && !field.key.isEmpty ? field.key : field.text
            file = field.file
        }
        return text
    }
}

extension CgroupField {
    /// As it is written in the tables.
    fileprivate var text: String {
        switch position {
        case .word(0): file
        case .word(let index): "\(file): word \(index + 1)"
        case .key, .field: "\(file): \(key)"
        case .lines(let prefix): prefix.isEmpty ? "lines of \(file)" : "lines \(prefix)N of \(file)"
        case .cpus: "CPUs in \(file)"
        }
    }

    /// Without the colon that the file may have behind it; empty where the number is not behind one.
    fileprivate var key: String {
        switch position {
        case .key(let key): key.hasSuffix(":") ? String(key.dropLast()) : key
        case .field(let key, let field): "\(key) \(field)"
        case .word, .lines, .cpus: ""
        }
    }
}
