import Lab
import Testing

/// What shells make of the completion scripts, and what manual page readers make of the page.
struct CompletionTests {
    /// What has been typed up to the cursor, and what is offered.
    private static let cases: [(typed: [String], offered: [String])] = [
        (["che"], ["check"]), (["completion", "f"], ["fish"]), (["--log.level=d"], ["debug"]),
        (["--log.format="], ["json", "logfmt"]), (["metrics", "--format="], ["json", "markdown", "text"]),
        (["--no-collector.redis_slow"], ["--no-collector.redis_slowlog"]),
        (["--web.config.file=/etc/host.con"], ["/etc/host.conf"]), (["--path.procfs=/pro"], ["/proc"]),
        (["serve", "--form"], []),
    ]

    private let directory = TemporaryDirectory("shell")

    /// - Returns: The path of the script.
    private func script(_ shell: String) async throws -> String {
        let result = try await Exporter.run(["completion", shell])
        #expect(result.status == 0 && result.errors == "")
        let path = try directory.write("_stack-exporter", result.output)
        let check = try await run([shell, "-n", path])
        #expect(check.status == 0 && check.errors == "", "\(check.errors)")
        return path
    }

    @Test func bashCompletes() async throws {
        let path = try await script("bash")
        for (typed, offered) in Self.cases {
            // Readline parts words at equals signs.
            let words = typed.flatMap { word -> [String] in
                let parts = word.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
                return parts.count == 1 ? parts : parts[1].isEmpty ? [parts[0], "="] : [parts[0], "=", parts[1]]
            }
            let result = try await run(
                [
                    "bash", "-c",
                    """
                    source "$1"; shift
                    COMP_WORDS=(stack-exporter "$@"); COMP_CWORD=$#
                    _stack_exporter
                    printf '%s\\n' "${COMPREPLY[@]}"
                    complete -p stack-exporter >&2
                    """, "bash", path,
                ] + words)
            #expect(result.output.split(separator: "\n").map(String.init).sorted() == offered, "\(typed)")
            #expect(result.errors == "complete -F _stack_exporter stack-exporter\n")
        }
        let lint = try await run(["shellcheck", "-s", "bash", path])
        #expect(lint.status == 0, "\(lint.output)")
    }

    @Test func fishCompletes() async throws {
        let path = try await script("fish")
        for (typed, offered) in Self.cases {
            let result = try await run(
                [
                    "fish", "--no-config", "-c", "source $argv[1]; complete -C \"$argv[2]\"", path,
                    "stack-exporter \(typed.joined(separator: " "))",
                ],
                environment: .only(["HOME": directory.path]))
            #expect(result.status == 0 && result.errors == "", "\(result.errors)")
            // With the flag that the value is of, a slash behind a directory, and a description.
            let words = result.output.split(separator: "\n").map { line in
                let word = String(line.prefix { $0 != "\t" })
                let value =
                    typed.last?.contains("=") == true ? word.split(separator: "=").last.map(String.init) ?? "" : word
                return value.count > 1 && value.hasSuffix("/") ? String(value.dropLast()) : value
            }
            #expect(words.sorted() == offered, "\(typed)")
        }
    }

    /// Its completion works in its line editor alone, so that it is typed to.
    @Test func zshCompletes() async throws {
        let path = try await script("zsh")
        let script = """
            import os, pty, select, sys, time
            path, home = sys.argv[1:]
            pid, terminal = pty.fork()
            if pid == 0:
                os.environ.update(HOME=home, TERM="dumb", PS1="")
                os.execvp("zsh", ["zsh", "-f", "-i"])
            seen = b""
            def until(text):
                global seen
                end = time.monotonic() + 60
                while text not in seen:
                    if time.monotonic() > end or not select.select([terminal], [], [], 60)[0]:
                        sys.exit(f"not seen: {text!r} in {seen!r}")
                    seen += os.read(terminal, 65536)
                seen = b""
            os.write(terminal, b"PS1=; autoload -U compinit; compinit -u -D; source " + path.encode() + b"; echo rea''dy\\n")
            until(b"ready")
            for typed, whole in [(b"che", b"check"), (b"completion f", b"fish"), (b"--log.level=d", b"debug"),
                                 (b"--no-collector.redis_slow", b"--no-collector.redis_slowlog"),
                                 (b"metrics --format=m", b"markdown"), (b"--path.procfs=/pro", b"/proc/")]:
                os.write(terminal, b"stack-exporter " + typed + b"\\t")
                until(whole[len(typed.split(b"=")[-1].split()[-1]):])
                os.write(terminal, b"\\x15")
            os.write(terminal, b"exit\\n")
            """
        let result = try await run(["/usr/bin/python3", "-c", script, path, directory.path])
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func aShellThatIsNotKnown() async throws {
        for arguments in [["completion"], ["completion", "tcsh"]] {
            let result = try await Exporter.run(arguments)
            #expect(result.status == 2)
            #expect(result.errors == "stack-exporter: the command completion needs a shell: bash, zsh, fish\n")
        }
    }

    @Test func theManualPageIsOne() async throws {
        let page = try await Exporter.run(["man"])
        #expect(page.status == 0 && page.errors == "")
        for checker in [["mandoc", "-Tlint"], ["groff", "-man", "-ww", "-z", "-Tutf8"]] {
            let result = try await run(checker, input: page.output)
            #expect(
                result.status == 0 && result.output == "" && result.errors == "", "\(result.output)\(result.errors)")
        }
        // As man shows it.
        let shown = try await run(["mandoc", "-Tascii", "-Owidth=200"], input: page.output)
        let text = shown.output.replacing(#/.\x{8}/#, with: "")
        for flag in ["--web.listen-address=ADDRESS", "--[no-]collector.redis_slowlog", "--format=FORMAT"] {
            #expect(text.contains("\n     \(flag)\n") || text.contains("\n       \(flag)\n"), "\(flag)")
        }
        for title in ["NAME", "SYNOPSIS", "COMMANDS", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"] {
            #expect(text.contains("\n\(title)\n"))
        }
    }
}
