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

    /// A target and what is known of it.
    struct TargetView: Sendable {
        /// As in `Target.name`.
        let name: String
        let kind: KindOfTarget
        /// `nil` before the first scrape has ended.
        let record: TargetRecord?
    }

    /// The most bytes that the page has.
    static let maximumSize = 60_000
    /// After how many seconds a browser asks for it anew.
    static let refreshInterval = 15

    /// The program's version.
    public var version: String
    /// The commit that it was built from.
    public var revision: String
    /// How long it has been running.
    public var uptime: Duration
    /// In the order in which they are shown.
    public var links: [Link]
    /// By their kinds, each in the order in which it is configured.
    var targets: [TargetView]
    /// When the page is made.
    var moment = ContinuousClock.now
    /// The step of recent values that this is in.
    var step: Int

    /// A page of what the executable knows of itself, and of what is known of the targets.
    public init(
        version: String, revision: String, uptime: Duration, links: [Link], targets: [any Target],
        history: StatusHistory
    ) {
        self.version = version
        self.revision = revision
        self.uptime = uptime
        self.links = links
        let records = history.records(of: targets)
        let kinds = targets.map { type(of: $0).kind }
        // Known kinds in the table's order, others behind them.
        let order = KindOfTarget.all.map(\.kind) + kinds
        let views = targets.map {
            TargetView(name: $0.name, kind: KindOfTarget.of(type(of: $0).kind), record: records[$0.name])
        }
        self.targets = views.enumerated().sorted {
            (order.firstIndex(of: $0.element.kind.kind) ?? 0, $0.offset)
                < (order.firstIndex(of: $1.element.kind.kind) ?? 0, $1.offset)
        }.map(\.element)
        step = history.step(at: moment)
    }

    /// The page as the client can read it.
    func response(to request: HTTPRequest) -> HTTPResponse {
        var headers: HTTPHeaders = [
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": Self.contentSecurityPolicy,
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Vary": "Accept-Encoding",
        ]
        var body = Array(html.utf8)
        if request.headers.acceptGzip, let compressed = Gzip(level: 6)?.compress(body) {
            body = compressed
            headers.add(name: "Content-Encoding", value: "gzip")
        }
        return HTTPResponse(.ok, contentType: "text/html; charset=utf-8", body: body, headers: headers)
    }

    /// Nothing but the page itself and its own style: no script, no picture, nobody else's frame.
    private static let contentSecurityPolicy = [
        "default-src 'none'", "style-src \(StatusStyle.source)", "base-uri 'none'", "form-action 'none'",
        "frame-ancestors 'none'",
    ].joined(separator: "; ")

    /// The whole page, of at most ``maximumSize`` bytes.
    var html: String {
        let overall = OverallState(targets)
        var page = Markup()
        page.add(
            """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta http-equiv="refresh" content="\(Self.refreshInterval)"/>
            <title>\(overall.title.escapedForHTML) · stack-exporter</title>
            <style>\(StatusStyle.css)</style>
            </head>
            <body>
            <header>
            <h1>stack-exporter</h1>
            <p class="overall \(overall.level.rawValue)">\(overall.sentence.escapedForHTML)</p>
            <p class="muted">Version \(version.escapedForHTML), revision \(revision.escapedForHTML), \
            up for \(Wording.duration(uptime)). This page refreshes by itself.</p>

            """)
        page.element("nav", "aria-label=\"Pages\"") { page in
            for link in links {
                page.add(
                    "<a href=\"\(Self.relative(link.path).escapedForHTML)\">\(link.title.escapedForHTML)</a>\n")
            }
        }
        page.add("</header>\n")
        page.element("main") { page in
            TargetsSection(targets: targets, moment: moment).add(to: &page, until: Self.maximumSize * 2 / 5)
            FiguresSections(targets: targets, step: step).add(to: &page, until: Self.maximumSize - Self.reserve)
        }
        page.element("footer") { page in
            page.add(
                """
                <p>Numbers are those of each target's last scrape; rates and CPU are of the time between two.</p>
                """)
        }
        page.add("</body>\n</html>\n")
        return page.text
    }

    /// What is kept for the last thing that is added before the limit is seen to be reached, and for the page's end.
    private static let reserve = 6000

    /// A path as it is seen from this page, also where a proxy serves both under another one.
    static func relative(_ path: String) -> String {
        path.hasPrefix("/") ? ".\(path)" : path
    }
}
