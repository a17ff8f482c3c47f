/// A shell that can be told how to complete this program's commands, flags and their values.
public enum Shell: String, Sendable, CaseIterable {
    case bash, zsh, fish

    /// A script for the shell to read.
    public var completion: String {
        switch self {
        case .bash: Self.bashScript
        case .zsh: Self.zshScript
        case .fish: Self.fishScript
        }
    }

    private static let program = "stack-exporter"

    /// All but those that are there to be understood from another exporter's command line.
    private static let options = Option.all.filter { $0.advice == nil }

    // MARK: bash

    /// bash splits a word at its equals signs, so that a flag, the sign and the value are words of their own.
    private static var bashScript: String {
        let values = options.map(bashValue).filter { !$0.isEmpty }.joined(separator: "\n")
        let special = Command.allCases.compactMap { command -> String? in
            let own = options.filter { $0.commands.contains(command) }.flatMap(\.completedFlags)
            return own.isEmpty ? nil : "        \(command)) flags+=' \(own.joined(separator: " "))' ;;\n"
        }.joined()
        return """
            # bash completion for \(program): source <(\(program) completion bash)
            _stack_exporter_reply() {
                mapfile -t COMPREPLY < <(compgen "$@")
            }
            _stack_exporter() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flag inline command word flags
                COMPREPLY=()
                if [ "$cur" = = ]; then
                    flag=$prev cur='' inline=yes
                elif [ "$prev" = = ] && [ "$COMP_CWORD" -ge 2 ]; then
                    flag=${COMP_WORDS[COMP_CWORD-2]} inline=yes
                else
                    flag=$prev
                fi
                case $flag in
            \(values)
                --*) [ -z "$inline" ] || return ;;
                esac
                for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                    case $word in
                    \(Command.allCases.map(\.rawValue).joined(separator: " | "))) command=$word && break ;;
                    esac
                done
                if [ "$command" = completion ]; then
                    _stack_exporter_reply -W '\(allCases.map(\.rawValue).joined(separator: " "))' -- "$cur"
                elif [[ $cur == -* ]]; then
                    flags='\(options.filter { $0.commands.isEmpty }.flatMap(\.completedFlags).joined(separator: " "))'
                    case $command in
            \(special)        esac
                    _stack_exporter_reply -W "$flags" -- "$cur"
                    [[ ${COMPREPLY-} != *= ]] || compopt -o nospace 2>/dev/null
                elif [ -z "$command" ]; then
                    _stack_exporter_reply -W '\(Command.allCases.map(\.rawValue).joined(separator: " "))' -- "$cur"
                fi
            }
            complete -F _stack_exporter \(program)

            """
    }

    private static func bashValue(_ option: Option) -> String {
        let offer: String
        switch option.completed {
        case .none, .anything: return ""
        case .words(let values): offer = "_stack_exporter_reply -W '\(values.joined(separator: " "))'"
        case .file: offer = "compopt -o filenames 2>/dev/null; _stack_exporter_reply -f"
        case .directory: offer = "compopt -o filenames 2>/dev/null; _stack_exporter_reply -d"
        }
        return "    --\(option.flag)) \(offer) -- \"$cur\"; return ;;"
    }

    // MARK: zsh

    private static var zshScript: String {
        let commands = Command.allCases.map { zshQuoted("\($0.rawValue):\($0.summary)") }
        let special = Command.allCases.compactMap { command -> String? in
            let own = options.filter { $0.commands.contains(command) }.flatMap(zshSpecs)
            return own.isEmpty
                ? nil
                : "    if (( ${words[(I)\(command)]} )); then\n        flags+=(\(own.joined(separator: " ")))\n    fi\n"
        }.joined()
        return """
            #compdef \(program)
            # zsh completion for \(program): source <(\(program) completion zsh)
            _stack_exporter_commands() {
                local -a commands=(
                    \(commands.joined(separator: "\n        "))
                )
                _describe -t commands command commands
            }
            _\(program)() {
                local -a flags=(
                    \(options.filter { $0.commands.isEmpty }.flatMap(zshSpecs).joined(separator: "\n        "))
                )
            \(special)    if (( ${words[(I)completion]} )); then
                    _arguments '1: :_stack_exporter_commands' '2:shell:(\(allCases.map(\.rawValue).joined(separator: " ")))'
                else
                    _arguments '1: :_stack_exporter_commands' $flags
                fi
            }
            if [ "$funcstack[1]" = _\(program) ]; then
                _\(program) "$@"
            else
                compdef _\(program) \(program)
            fi

            """
    }

    /// `--flag=[what it does]:PLACEHOLDER:action`, with what ends a part escaped.
    private static func zshSpecs(_ option: Option) -> [String] {
        let help = option.help.escaping("[]\\")
        let action: String
        switch option.completed {
        case .none: return option.completedFlags.map { zshQuoted("\($0)[\(help)]") }
        case .words(let values): action = "(\(values.joined(separator: " ")))"
        case .file: action = "_files"
        case .directory: action = "_files -/"
        case .anything: action = " "
        }
        return [zshQuoted("*--\(option.flag)=[\(help)]:\((option.placeholder ?? "").lowercased()):\(action)")]
    }

    private static func zshQuoted(_ text: String) -> String {
        "'\(text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }

    // MARK: fish

    private static var fishScript: String {
        var lines = [
            "# fish completion for \(program): \(program) completion fish | source",
            "complete -c \(program) -f",
        ]
        for command in Command.allCases {
            lines.append(
                "complete -c \(program) -n __fish_use_subcommand -a \(command) -d '\(command.summary.escaping("'\\"))'")
        }
        lines.append(
            "complete -c \(program) -n '__fish_seen_subcommand_from completion' -a '"
                + "\(allCases.map(\.rawValue).joined(separator: " "))'")
        for option in options {
            let commands = option.commands.map(\.rawValue).joined(separator: " ")
            let condition = commands.isEmpty ? "" : " -n '__fish_seen_subcommand_from \(commands)'"
            let value =
                switch option.completed {
                case .none: ""
                case .anything: " -x"
                case .words(let values): " -x -a '\(values.joined(separator: " "))'"
                case .file: " -r -F"
                case .directory: " -x -a '(__fish_complete_directories)'"
                }
            for flag in option.completedFlags {
                let name = flag.dropFirst(2).prefix { $0 != "=" }
                lines.append(
                    "complete -c \(program)\(condition) -l \(name)\(value) -d '\(option.help.escaping("'\\"))'")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Option {
    /// What a shell can offer for its value.
    fileprivate enum Completed {
        /// There is none: it is a switch.
        case none
        case words([String])
        case file
        case directory
        case anything
    }

    fileprivate var completed: Completed {
        switch placeholder {
        case nil: .none
        case _ where !values.isEmpty: .words(values)
        case "FILE", "FILES": .file
        case "DIRECTORY": .directory
        default: .anything
        }
    }

    /// As they are written, with the sign that a value stands behind.
    fileprivate var completedFlags: [String] {
        placeholder == nil ? ["--\(flag)", "--no-\(flag)"] : ["--\(flag)="]
    }
}

extension String {
    fileprivate func escaping(_ characters: String) -> String {
        reduce(into: "") { $0 += characters.contains($1) ? "\\\($1)" : "\($1)" }
    }
}
