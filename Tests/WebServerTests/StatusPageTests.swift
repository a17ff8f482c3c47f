import Configuration
import Testing

@testable import Scraping
@testable import WebServer

@Suite struct StatusPageTests {
    private func html(_ targets: [StatusPage.TargetState], uptime: Duration = .zero) -> String {
        StatusPage(
            version: "1.0<", revision: "a&b", uptime: uptime, links: [.init("/a\"b", "<c>")], targets: targets
        ).html
    }

    @Test func whatComesFromOutsideIsEscaped() {
        let error = CollectorError(.permission, "<script>alert(\"x\")</script>")
        let collectors = [
            ScrapeOutcome.CollectorOutcome(name: "locks", duration: .zero, error: error),
            ScrapeOutcome.CollectorOutcome(name: "tables", duration: .zero, error: nil),
        ]
        let html = html([
            .init(
                name: "<up>", outcome: ScrapeOutcome(isUp: true, error: error, duration: .zero, collectors: collectors)),
            .init(name: "down", outcome: ScrapeOutcome(isUp: false, error: error, duration: .zero, collectors: [])),
            .init(name: "well", outcome: ScrapeOutcome(isUp: true, error: nil, duration: .zero, collectors: [])),
            .init(name: "new", outcome: nil),
        ])
        #expect(!html.contains("<script"))
        #expect(html.contains("Version 1.0&lt;, revision a&amp;b"))
        #expect(html.contains("<a href=\"/a&quot;b\">/a&quot;b</a> &lt;c&gt;"))
        #expect(html.contains("<li>&lt;up&gt;: up, but"))
        #expect(html.contains("<li>locks: <span class=\"bad\">failed</span> (permission) &lt;script&gt;alert("))
        #expect(!html.contains("tables"))
        #expect(html.contains("<li>down: <span class=\"bad\">down</span> (permission)"))
        #expect(html.contains("<li>well: up</li>"))
        #expect(html.contains("<li>new: not scraped yet</li>"))
    }

    @Test func everyElementIsClosed() {
        let html = html([.init(name: "new", outcome: nil)])
        for name in ["html", "head", "body", "style", "title", "h1", "h2", "p", "ul", "li", "a"] {
            let opened = html.split(separator: "<\(name)>").count + html.split(separator: "<\(name) ").count
            #expect(opened == html.split(separator: "</\(name)>").count + 1, "\(name)")
        }
    }

    @Test(arguments: [
        (0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h"),
    ])
    func uptime(seconds: Int, words: String) {
        #expect(html([], uptime: .seconds(seconds)).contains("up for \(words)."))
    }
}
