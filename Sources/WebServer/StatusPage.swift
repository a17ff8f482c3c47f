import NIOHTTP1
public import Scraping

/// What a person sees who opens the server in a browser.
public struct StatusPage: Sendable {
    /// One of the server's paths.
    public struct Link: Sendable {
        /// The path as it is requested.
        public let path: String
        /// What is there, in a few words.
        public let title: String

        /// A path and what is there.
        public init(_ path: String, _ title: String) {
            self.path = path
            self.title = title
        }
    }

    /// A target and how its last scrape went.
    public struct TargetState: Sendable {
        /// As in ``Target/name``.
        public let name: String
        /// `nil` before the first scrape.
        public let outcome: ScrapeOutcome?

        /// - Parameter outcome: `nil` before the first scrape.
        public init(name: String, outcome: ScrapeOutcome?) {
            self.name = name
            self.outcome = outcome
        }
    }

    /// The program's version.
    public var version: String
    /// The commit that it was built from.
    public var revision: String
    /// How long it has been running.
    public var uptime: Duration
    /// In the order in which they are shown.
    public var links: [Link]
    /// In the order in which they are shown.
    public var targets: [TargetState]

    /// A page of what the executable knows of itself.
    public init(version: String, revision: String, uptime: Duration, links: [Link], targets: [TargetState]) {
        self.version = version
        self.revision = revision
        self.uptime = uptime
        self.links = links
        self.targets = targets
    }

    var response: HTTPResponse {
        HTTPResponse(
            .ok, contentType: "text/html; charset=utf-8", body: Array(html.utf8),
            headers: [
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "Cache-Control": "no-store",
            ]
        )
    }

    var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>stack-exporter</title>
        <style>
        :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
        body { max-width: 44rem; margin: 0 auto; padding: 1rem }
        li { overflow-wrap: anywhere }
        .bad { font-weight: bold }
        </style>
        </head>
        <body>
        <h1>stack-exporter</h1>
        <p>Version \(escaped(version)), revision \(escaped(revision)), up for \(Self.words(for: uptime)).</p>
        <ul>
        \(links.map { "<li><a href=\"\(escaped($0.path))\">\(escaped($0.path))</a> \(escaped($0.title))</li>\n" }.joined())</ul>
        <h2>Targets</h2>
        \(targets.isEmpty ? "<p>None is configured.</p>\n" : "<ul>\n\(targets.map(Self.item).joined())</ul>\n")</body>
        </html>

        """
    }

    private static func item(_ target: TargetState) -> String {
        let name = escaped(target.name)
        guard let outcome = target.outcome else { return "<li>\(name): not scraped yet</li>\n" }
        guard outcome.isUp else {
            return "<li>\(name): <span class=\"bad\">down</span>\(outcome.error.map(reason) ?? "")</li>\n"
        }
        let failures = outcome.collectors.compactMap { collector in
            collector.error.map {
                "<li>\(escaped(collector.name)): <span class=\"bad\">failed</span>\(reason($0))</li>\n"
            }
        }
        guard !failures.isEmpty else { return "<li>\(name): up</li>\n" }
        return "<li>\(name): up, but\n<ul>\n\(failures.joined())</ul>\n</li>\n"
    }

    private static func reason(_ error: CollectorError) -> String {
        " (\(error.reason.rawValue)) \(escaped(error.detail))"
    }

    private static func words(for duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }
}

/// Text that stands in HTML as it is, also within an attribute's quotes.
private func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
        switch character {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.unicodeScalars.append(character)
        }
    }
    return result
}
