import Exposition
import Scraping

extension CgroupTable {
    /// What the catalogue tells, from the rows; those of one name are one family.
    var metrics: [CatalogueEntry] {
        var entries: [CatalogueEntry] = []
        for row in rows where !entries.contains(where: { $0.descriptor.name == row.descriptor.name }) {
            let columns = rows.filter { $0.descriptor.name == row.descriptor.name }.map(\.columns)
            let v2 = Self.text(columns.map(\.v2))
            let v1 = Self.text(columns.map(\.v1))
            let top = Self.text(columns.map(\.top))
            let source =
                v2 + (v1.isEmpty || v1 == v2 ? "" : "; on v1 \(v1)") + (top.isEmpty ? "" : "; of the machine \(top)")
            entries.append(
                CatalogueEntry(
                    row.descriptor, labels: Cgroup.labelNames + row.labels.map(\.0), source: source,
                    versions: row.versions ?? (v1.isEmpty ? "cgroup v2" : nil)))
        }
        return entries
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
        for (sign, field) in fields.map({ (" + ", $0) }) + (less.map { [(" - ", $0)] } ?? []) {
            if !text.isEmpty { text += sign }
            text += field.file == file ? field.key : field.text
            file = field.file
        }
        return text
    }
}

extension CgroupField {
    /// As it is written in the tables.
    fileprivate var text: String { key.isEmpty ? file : "\(file): \(key)" }

    /// Without the colon that the file may have behind it; empty where the file has one line only.
    fileprivate var key: String {
        guard case .key(let key) = position else { return "" }
        return key.hasSuffix(":") ? String(key.dropLast()) : key
    }
}
