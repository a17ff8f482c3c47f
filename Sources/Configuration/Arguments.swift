/// The command line taken apart: what to do, and the flags with their values.
struct Arguments {
    /// What the program can be asked to do.
    private(set) var command = Command.serve
    /// What the command completion is for.
    private(set) var shell: Shell?
    /// Each with the name by which it was given.
    private(set) var flags: [(option: Option, name: String, value: String)] = []

    /// Flags that are commands; the last is postgres_exporter's.
    private static let commandFlags: [String: Command] = [
        "help": .help, "h": .help, "version": .version, "dumpmaps": .metrics,
    ]

    private static let noShell = ConfigurationError(
        "the command completion needs a shell: \(Shell.allCases.map(\.rawValue).joined(separator: ", "))")

    /// - Parameter arguments: Without the program's own name.
    /// - Throws: For an unknown flag or command, for a flag of another command and for one without its value.
    init(_ arguments: [String], options: [Option] = Option.all) throws(ConfigurationError) {
        let options = Dictionary(
            uniqueKeysWithValues: options.flatMap { option in
                ([option.flag] + option.formerFlags).map { ($0, option) }
            })
        var rest = arguments[...]
        var hasCommand = false
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                if command == .completion, shell == nil {
                    shell = Shell(rawValue: argument)
                    guard shell != nil else { throw Self.noShell }
                    continue
                }
                guard !hasCommand, let command = Command(rawValue: argument) else {
                    throw ConfigurationError(
                        "\"\(argument)\" is no command; the commands are \(Command.names), see --help")
                }
                self.command = command
                hasCommand = true
                continue
            }
            // One dash or two, as Go's flag package has it.
            let text = argument.drop { $0 == "-" }
            if let asked = Self.commandFlags[String(text)] {
                command = asked
                return
            }
            let name = String(text.prefix { $0 != "=" })
            let inlineValue = text.count > name.count ? String(text.dropFirst(name.count + 1)) : nil
            if let option = options[name] {
                if option.placeholder == nil {
                    flags.append((option, name, inlineValue ?? "true"))
                } else if let value = inlineValue ?? rest.popFirst() {
                    flags.append((option, name, value))
                } else {
                    throw ConfigurationError("the flag --\(name) needs a value: \(option.usage)")
                }
            } else if name.hasPrefix("no-"), let option = options[String(name.dropFirst(3))], option.placeholder == nil,
                inlineValue == nil
            {
                flags.append((option, String(name.dropFirst(3)), "false"))
            } else {
                throw ConfigurationError("unknown flag --\(name); see --help for those there are")
            }
        }
        guard command != .completion || shell != nil else { throw Self.noShell }
        for (option, _, _) in flags where !option.applies(to: command) {
            throw ConfigurationError("the command \(command) has no flag --\(option.flag); see --help for who has it")
        }
    }
}

/// What the program can be asked to do.
public enum Command: String, Sendable, CaseIterable {
    case serve, scrape, check, metrics, health, completion, man, version, help

    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    var summary: String {
        switch self {
        case .serve: "serve metrics over HTTP; what is done where no command is given"
        case .scrape: "print one page to standard output"
        case .check:
            "connect to everything, tell what is missing and what mends it; exit status 0, 1 (something to mend) or 2"
        case .metrics: "print the catalogue: every metric with its type, labels, meaning and source"
        case .health: "ask a running server whether it is healthy; exit status 0 or 1, for HEALTHCHECK"
        case .completion: "print what makes a shell complete this program's flags: bash, zsh or fish"
        case .man: "print the manual page, for man -l or /usr/share/man/man1/stack-exporter.1"
        case .version: "print the version"
        case .help: "print this"
        }
    }
}
