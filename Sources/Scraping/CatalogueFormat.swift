import Exposition

/// The formats that a catalogue can be written in.
public enum CatalogueFormat: String, Sendable, CaseIterable {
    /// For a terminal of 100 columns.
    case text
    /// A heading and a table for each collector, as GitHub shows them.
    case markdown
    /// An array of objects, one a line, all with the same keys.
    case json

    /// The whole catalogue, with a line's end behind it.
    public func text(of catalogue: Catalogue) -> String {
        switch self {
        case .text: catalogue.sections.map(Self.plainText).joined(separator: "\n")
        case .markdown:
            Self.introduction + catalogue.sections.map { "[\($0.title)](#\($0.anchor))" }.joined(separator: ",\n")
                + "\n" + catalogue.sections.map(Self.markdown).joined()
        case .json:
            "[\n" + catalogue.sections.flatMap(Self.json).map { "  \($0)" }.joined(separator: ",\n") + "\n]\n"
        }
    }
}

// MARK: Text

extension CatalogueFormat {
    private static func plainText(_ section: Catalogue.Section) -> String {
        var text = "\(section.title) (\(section.state))\n"
        for entry in section.entries {
            let labels = entry.labels.isEmpty ? "" : "{\(entry.labels.joined(separator: ", "))}"
            text += "\n" + wrapped("\(entry.descriptor.name)\(labels)", indent: "  ", hanging: "        ")
            for line in ["\(entry.kind): \(entry.meaning)", "from \(entry.origin)"] {
                text += wrapped(line, indent: "      ", hanging: "      ")
            }
        }
        return text
    }

    /// Lines of at most 100 characters, unless a word is longer.
    private static func wrapped(_ text: String, indent: String, hanging: String) -> String {
        var lines = ""
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = indent + word
            } else if line.count + 1 + word.count > 100 {
                lines += "\(line)\n"
                line = hanging + word
            } else {
                line += " \(word)"
            }
        }
        return "\(lines)\(line)\n"
    }
}

// MARK: Markdown

extension CatalogueFormat {
    private static let introduction = """
        # Metrics

        Everything that stack-exporter can serve, by collector, as `stack-exporter metrics --format=markdown` prints it.
        `--collector.<name>` and `--no-collector.<name>` switch a collector on and off. A name with `<...>` in it stands
        for many. Where several servers of a kind are scraped, `target` is a further label.


        """

    private static func markdown(_ section: Catalogue.Section) -> String {
        var text = """

            ## \(section.title)

            \(section.state.prefix(1).uppercased() + section.state.dropFirst()).

            | metric | type | labels | meaning | source |
            | --- | --- | --- | --- | --- |

            """
        for entry in section.entries {
            let cells = [
                code(entry.descriptor.name), entry.kind, entry.labels.map(code).joined(separator: ", "),
                escaped(entry.meaning), escaped(entry.origin),
            ]
            text += "| \(cells.joined(separator: " | ")) |\n"
        }
        return text
    }

    /// A code span in a table's cell, where a pipe would end the cell all the same.
    private static func code(_ text: String) -> String {
        "`\(text.replacing("|", with: "\\|"))`"
    }

    /// Text in a table's cell, with nothing in it that Markdown or HTML would take for its own. Underscores within words
    /// are none of these.
    private static func escaped(_ text: String) -> String {
        var result = ""
        var before: Character = " "
        var rest = text[...]
        while let character = rest.popFirst() {
            let isWithinWord = isPartOfWord(before) && rest.first.map(isPartOfWord) == true
            if "\\|<*`[~&".contains(character) || character == "_" && !isWithinWord { result += "\\" }
            result.append(character)
            before = character
        }
        return result
    }

    private static func isPartOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}

// MARK: JSON

extension CatalogueFormat {
    private static func json(_ section: Catalogue.Section) -> [String] {
        section.entries.map { entry in
            let descriptor = entry.descriptor
            let fields = [
                ("name", descriptor.name.quotedAsJSON),
                ("type", descriptor.type.rawValue.quotedAsJSON),
                ("unit", descriptor.unit?.rawValue.quotedAsJSON),
                ("labels", "[\(entry.labels.map(\.quotedAsJSON).joined(separator: ", "))]"),
                ("meaning", entry.meaning.quotedAsJSON),
                ("source", entry.source.quotedAsJSON),
                ("versions", entry.versions?.quotedAsJSON),
                ("collector", section.collector?.quotedAsJSON),
                ("enabled_by_default", "\(section.isEnabledByDefault)"),
            ]
            return "{\(fields.map { "\($0.quotedAsJSON): \($1 ?? "null")" }.joined(separator: ", "))}"
        }
    }
}

// MARK: Words

extension Catalogue.Section {
    fileprivate var title: String { collector ?? "The targets and the exporter itself" }

    /// What GitHub makes of the title as a heading.
    fileprivate var anchor: String { title.lowercased().replacing(" ", with: "-") }

    fileprivate var state: String {
        if collector == nil { return "on whatever collectors run" }
        return isEnabledByDefault ? "on by default" : "off by default"
    }
}

extension CatalogueEntry {
    /// `counter, seconds`
    fileprivate var kind: String {
        descriptor.type.rawValue + (descriptor.unit.map { ", \($0.rawValue)" } ?? "")
    }

    /// `pg_stat_database (14+)`
    fileprivate var origin: String { source + (versions.map { " (\($0))" } ?? "") }
}
