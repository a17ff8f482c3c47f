import CLinux
import Configuration
import Glibc
import Logging
import Scraping

/// The program: reads the settings and does what it was asked to.
@main
enum StackExporter {
    static func main() async {
        // A peer that goes away is an error of its connection and not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // Each further arena of glibc's keeps what its threads once needed; so few threads seldom wait for the one.
        mallopt(M_ARENA_MAX, 1)
        // A page of megabytes goes back to the system when it is served. By itself glibc takes the first one that is freed for
        // a sign that more will come, and keeps the memory of all that follow.
        mallopt(M_MMAP_THRESHOLD, 512 * 1024)
        do {
            let (arguments, environment) = (Array(CommandLine.arguments.dropFirst()), environment())
            let (command, settings) = try Settings.load(arguments: arguments, environment: environment)
            let output = LogOutput(settings)
            let log = output.logger()
            // A health check is asked for every few seconds.
            for warning in settings.warnings where command != .health { log.warning("\(warning)") }
            switch command {
            case .serve:
                try await Serving.run(settings, output: output, systemd: Systemd(environment)) {
                    () throws(ConfigurationError) in
                    try Settings.load(arguments: arguments, environment: environment).settings
                }
            case .scrape: try await SingleScrape.run(settings, log: log)
            case .check:
                if let configuration = settings.shownConfiguration {
                    print(configuration, terminator: "")
                } else {
                    exit(try await Checking.run(settings) ? 0 : 1)
                }
            case .metrics: print(settings.catalogueFormat.text(of: .all), terminator: "")
            case .health: exit(await HealthCheck.run(settings) ? 0 : 1)
            case .completion: print(settings.completionShell?.completion ?? "", terminator: "")
            case .man: print(Command.manualPage(version: BuildInformation.version), terminator: "")
            case .version: print(BuildInformation.text)
            case .help: print(Command.usage, terminator: "")
            }
        } catch {
            write(Array("stack-exporter: \(error)\n".utf8), to: STDERR_FILENO)
            exit(2)
        }
    }

    private static func environment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = clinux_environment()
        while let entry = next?.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "=") {
                variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            next = next?.successor()
        }
        return variables
    }
}
