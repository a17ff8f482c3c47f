extension Command {
    /// The manual page, in the macros of man(7).
    ///
    /// - Parameter version: The program's.
    public static func manualPage(version: String) -> String {
        var page = ManualPage(
            heading: ".TH STACK\\-EXPORTER 1 \(ManualPage.date) \"stack\\-exporter \(version)\" \"User Commands\"")
        page.section("NAME")
        page.text("stack-exporter - serve PostgreSQL, Redis and container metrics to Prometheus")
        page.section("SYNOPSIS")
        page.line(#".B stack\-exporter"#)
        page.line(#".RI [ command "] [" flags ]"#)
        page.section("DESCRIPTION")
        page.text(
            """
            stack-exporter reads PostgreSQL and PgBouncer, Redis and Valkey with the job queues in them, the containers of this host \
            and the host itself, and serves what it finds to Prometheus under the names of the exporters that it replaces: \
            postgres_exporter, redis_exporter, celery-exporter, cAdvisor and node_exporter.
            """)
        page.text(
            "What is not configured is not collected. A part that fails is missing from the page, with its reason.")
        page.section("COMMANDS")
        for command in allCases { page.item(command.rawValue, command.summary) }
        page.section("OPTIONS")
        page.text(
            "One dash or two, a value behind an equals sign or as the next argument. A switch is on by --name or --name=true and off by "
                + "--no-name or --name=false. Flags go before variables.")
        for option in Option.all where option.advice == nil { page.item(option) }
        page.subsection("For those who come from another exporter")
        page.text("These are understood, and the log says what to use in their place.")
        for option in Option.all where option.advice != nil { page.item(option) }
        page.section("ENVIRONMENT")
        page.text("Each option has its variable, named with it above. What to scrape is in these:")
        for source in Environment.sources { page.item(source.variables, source.help) }
        page.section("FILES")
        page.item(
            "postgres_exporter.yml",
            "auth modules of probes, read from the working directory where --config.file names no other file")
        page.section("EXIT STATUS")
        page.item("0", "all is well")
        page.item("1", "check has found something to mend, or nobody answers health")
        page.item("2", "wrong flags or configuration: one sentence on standard error says which, and how to mend it")
        page.section("EXAMPLES")
        for (command, what) in ManualPage.examples {
            page.text("\(what):")
            page.code(command)
        }
        page.section("SEE ALSO")
        page.text("prometheus(1), promtool(1), curl(1)")
        return page.source
    }
}

/// A page in roff: every text is escaped and filled, since what lines begin with and how long they are has a meaning there.
private struct ManualPage {
    /// When what is written in this file was last looked through.
    static let date = "2026-11-21"

    static let examples = [
        (
            "DATABASE_URL=postgresql://exporter@localhost/app REDIS_URL=redis://localhost stack-exporter",
            "Serve a database, Redis and this host's containers at :19187/metrics"
        ),
        ("stack-exporter check", "See what can be read, and what to do where it cannot"),
        ("stack-exporter scrape | promtool check metrics", "Look at one page without a server"),
        ("curl -g 'localhost:19187/metrics?name[]=pg_up&name[]=redis_up'", "Ask a server for two families alone"),
        ("source <(stack-exporter completion bash)", "Complete commands and flags in this shell"),
    ]

    private(set) var source: String
    /// Behind which a paragraph begins by itself.
    private var isAtTitle = false

    init(heading: String) {
        source = heading + "\n"
    }

    /// A line as it is.
    mutating func line(_ text: String) {
        source += text + "\n"
        isAtTitle = text.hasPrefix(".S")
    }

    mutating func section(_ title: String) {
        line(".SH \(title)")
    }

    mutating func subsection(_ title: String) {
        line(".SS \(title)")
    }

    /// A paragraph.
    mutating func text(_ text: String) {
        if !isAtTitle { line(".PP") }
        fill(text)
    }

    /// What something is called, and what it is.
    mutating func item(_ name: String, _ text: String) {
        line(".TP")
        line(".B \(Self.escaped(name))")
        fill(text)
    }

    mutating func item(_ option: Option) {
        item(option.usage, "\(option.help) (default: \(option.defaultText)).")
        line(".br")
        fill("Variable: \(option.variables.joined(separator: ", ")).")
    }

    /// Lines that are not filled.
    mutating func code(_ text: String) {
        line(".PP")
        line(".in +4n")
        line(".EX")
        line(Self.escaped(text))
        line(".EE")
        line(".in")
    }

    /// In lines of at most 78 characters, as roff wants its input.
    private mutating func fill(_ text: String) {
        var current = ""
        for word in text.split(separator: " ").map({ Self.escaped(String($0)) }) {
            if !current.isEmpty, current.count + word.count >= 78 {
                line(current)
                current = ""
            }
            current += current.isEmpty ? word : " \(word)"
        }
        line(current)
    }

    /// A hyphen that may be copied, a backslash, and a first character that is no request.
    private static func escaped(_ text: String) -> String {
        let escaped = text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            default: result.append(character)
            }
        }
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&\(escaped)" : escaped
    }
}
