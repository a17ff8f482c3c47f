import Exposition
import Foundation
import FoundationXML
import NIOHTTP1
import Scraping
import Testing

@testable import Scraping
@testable import WebServer

@Suite struct StatusPageTests {
    private let history = StatusHistory()
    private let error = CollectorError(.permission, "<script>alert('x')</script> is \"it\" & no more")

    private func html(_ targets: [any Target]) -> String { StatusPage.of(targets, history).html }

    private func take(_ target: any Target, _ outcome: ScrapeOutcome, _ families: [MetricFamily] = []) {
        history.scraped(target, outcome, families)
    }

    /// Whether it is well-formed XML, which HTML need not be: then every element is closed and nothing broke out.
    private func isWellFormed(_ html: String) -> Bool {
        let parser = XMLParser(data: Data(html.utf8))
        return parser.parse()
    }

    private func title(_ html: String) -> Substring {
        html.split(separator: "<title>").last?.split(separator: "</title>").first ?? ""
    }

    // MARK: States in words

    @Test func theTabSaysWhatMatters() {
        let targets = ["one", "two", "three"].map { KindTarget<OfRedis>($0) }
        #expect(title(html([])) == "nothing configured · stack-exporter")
        #expect(title(html(targets)) == "no answer yet: one, two, three · stack-exporter")
        for target in targets { take(target, .up) }
        #expect(title(html(targets)) == "up · stack-exporter")
        #expect(html(targets).contains(">All 3 targets are up<"))
        take(targets[2], .failing(["redis_info"], error))
        #expect(title(html(targets)) == "incomplete: three · stack-exporter")
        take(targets[1], .down(error))
        #expect(title(html(targets)) == "down: two · stack-exporter")
        #expect(html(targets).contains(">1 of 3 targets is down: two<"))
        #expect(html([targets[1]]).contains(">two is down<"))
    }

    @Test func reasonsAndRemedies() {
        let targets = [KindTarget<OfPostgres>("main"), KindTarget<OfPostgres>("other")]
        take(targets[0], .down(CollectorError(.timeout, "the server does not answer")))
        take(targets[1], .failing(["locks", "wal"], CollectorError(.locked, "somebody holds it")))
        let page = html(targets)
        #expect(
            page.contains("<strong class=\"bad\">No answer in time.</strong> The server does not answer. See whether"))
        #expect(page.contains("<td class=\"warn\">up, 2 collectors failed</td>"))
        #expect(page.contains("<strong class=\"warn\">wal: locked.</strong> Somebody holds it. Find out who"))
        take(targets[1], .leavingOut(["stat_statements"], CollectorError(.missingExtension, "CREATE EXTENSION x;")))
        let later = html(targets)
        #expect(later.contains("<td class=\"good\">up</td>"))
        #expect(later.contains("<strong class=\"muted\">stat_statements: left out.</strong> CREATE EXTENSION x;</p>"))
    }

    @Test func whatIsWrongComesFirst() throws {
        let targets = (0..<4).map { KindTarget<OfRedis>("r\($0)") }
        for target in targets { take(target, .up) }
        take(targets[3], .down(error))
        take(targets[2], .failing(["a"], error))
        let page = html(targets)
        let places = try ["r3", "r2", "r0", "r1"].map { try #require(page.range(of: "target=\($0)")).lowerBound }
        #expect(places == places.sorted())
    }

    @Test func everyReasonHasItsWords() {
        for reason in FailureReason.allCases {
            #expect(!reason.words.what.isEmpty)
            #expect(reason.words.remedy.hasSuffix("."))
        }
    }

    @Test func aKindThatIsNotInTheTableIsShownToo() {
        let target = KindTarget<OfNewKind>("far & away")
        take(target, .up, RecordedPage.first)
        let page = html([target])
        #expect(page.contains("telescope&lt;s&gt;"))
        #expect(page.contains("./probe?target=far%20%26%20away"))
        #expect(isWellFormed(page))
    }

    // MARK: What comes from outside

    @Test func everythingIsEscaped() {
        let every =
            String(decoding: (0...255).map { UInt8($0) }, as: UTF8.self) + "<script>alert(1)</script>\"'&\u{202E}"
        let targets: [any Target] = [
            KindTarget<OfPostgres>(every), KindTarget<OfPostgres>("<script>2"), KindTarget<OfContainers>("c"),
            KindTarget<OfRedis>("r"),
        ]
        take(targets[0], .failing([every, "<script>"], CollectorError(.internal, every)))
        take(targets[1], .down(error))
        let names = [every, "<script>x</script>", "\"><svg onload=x>", ""]
        var memory = MetricFamily(MetricDescriptor("container_memory_working_set_bytes", .gauge, "Test."))
        var depth = MetricFamily(MetricDescriptor("queue_depth", .gauge, "Test."))
        for name in names {
            memory.append(5, ["id": name, "name": name, "pod": name])
            depth.append(5, ["queue": name, "system": name, "state": "waiting"])
        }
        take(targets[2], .up, [memory])
        take(targets[3], .up, [depth])
        let page = html(targets)
        #expect(!page.contains("<script"))
        #expect(!page.contains("<svg onload"))
        #expect(isWellFormed(page))
        #expect(page.contains("&lt;script&gt;x&lt;/script&gt;"))
        let hidden = page.unicodeScalars.filter { $0 == "\u{202E}" || $0.value < 32 && $0 != "\n" }
        #expect(hidden.isEmpty)
    }

    @Test func neitherQueriesNorKeysAreShown() {
        let redis = KindTarget<OfRedis>("redis")
        let postgres = KindTarget<OfPostgres>("postgres")
        let families = """
            redis_key_size{db="db0",key="secret-key"} 5
            redis_key_value{db="db0",key="secret-key"} 5
            redis_stream_length{db="db0",stream="secret-key"} 5
            redis_memory_used_bytes 5
            pg_stat_statements_query_id{queryid="1",query="SELECT secret-key"} 1
            pg_settings_max_connections 5
            """
        take(redis, .up, RecordedPage.families(families))
        take(postgres, .up, RecordedPage.families(families))
        let page = html([redis, postgres])
        #expect(page.contains("Memory"))
        #expect(!page.contains("secret-key"))
    }

    // MARK: Size

    /// A page of a fleet: everything there is a lot of, names as long as they can be.
    private func fleet(names length: Int, failing: Bool) -> String {
        let long = String(repeating: "\"", count: length)
        var targets: [any Target] = (0..<80).map { KindTarget<OfPostgres>("postgres-\($0)\(long)") }
        targets += (0..<39).map { KindTarget<OfRedis>("redis-\($0)\(long)") }
        let containers = KindTarget<OfContainers>("containers")
        let error = CollectorError(.internal, String(repeating: "<", count: 5000))
        let outcome = failing ? ScrapeOutcome.failing((0..<30).map { "\($0)\(long)" }, error) : .up
        var depth = MetricFamily(MetricDescriptor("queue_depth", .gauge, "Test."))
        for number in 0..<20 { depth.append(Double(number), ["queue": "\(number)\(long)", "state": "waiting"]) }
        for target in targets { take(target, outcome, RecordedPage.first + [depth]) }
        var memory = MetricFamily(MetricDescriptor("container_memory_working_set_bytes", .gauge, "Test."))
        for number in 0..<2000 {
            let name = number > 1900 ? "\(number)\(long)" : "\(number)"
            memory.append(Double(number), ["id": "/\(number)", "name": name, "pod": name])
        }
        take(containers, .up, [memory])
        return html(targets + [containers])
    }

    @Test(arguments: [(0, false), (0, true), (1000, true)])
    func manyTargetsAndContainersFitThePage(length: Int, failing: Bool) {
        let page = fleet(names: length, failing: failing)
        #expect(page.utf8.count < StatusPage.maximumSize)
        #expect(isWellFormed(page))
        #expect(page.contains(#/and \d+ more, (all|some) of them/#))
        #expect(page.contains(#/and 1,9\d\d more/#))
        #expect(page.contains("Containers</h2>"))
        #expect(page.hasSuffix("</html>\n"))
    }

    // MARK: Charts

    @Test func aLineBreaksWhereAScrapeBroughtNothing() {
        var recent = RecentValues(at: 0)
        let figure = Figure("Clients", .value(Selection("x")), charted: true)
        recent.record(5, at: 0)
        #expect(Chart.line(recent, of: figure, until: 0) == "")
        recent.record(10, at: 1)
        recent.record(nil, at: 2)
        recent.record(0, at: 3)
        let chart = Chart.line(recent, of: figure, until: 3)
        #expect(chart.contains("d=\"M86 20l1-20M89 40\""))
        #expect(chart.contains("aria-label=\"Clients in the last 1 min: 0 to 10\""))
        #expect(chart.contains("<small>0 to 10 in 1 min</small>"))
    }

    @Test func aBarSaysInWordsThatItIsFull() {
        #expect(Chart.Level(0.79).words == "")
        #expect(Chart.Level(0.8).words == ", high")
        #expect(Chart.Level(0.95).words == ", nearly all")
        #expect(Chart.bar(0.955).contains("class=\"bar full\""))
        #expect(Chart.bar(0.955).contains("width=\"95.5\""))
    }

    // MARK: Style

    /// How bright a colour is, as WCAG 2 defines it.
    private func luminance(_ colour: UInt32) -> Double {
        func part(_ shift: UInt32) -> Double {
            let value = Double(colour >> shift & 255) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    }

    /// The contrast of two colours.
    private func contrast(_ one: UInt32, _ other: UInt32) -> Double {
        let (first, second) = (luminance(one), luminance(other))
        return (max(first, second) + 0.05) / (min(first, second) + 0.05)
    }

    @Test func coloursAreToldApart() throws {
        #expect(abs(contrast(0, 0xffffff) - 21) < 1e-9)
        #expect(Set(StatusStyle.colours.keys) == Set(StatusStyle.Role.allCases))
        for (role, ground, least) in StatusStyle.contrasts {
            let (one, other) = (try #require(StatusStyle.colours[role]), try #require(StatusStyle.colours[ground]))
            #expect(contrast(one.light, other.light) >= least, "\(role) on \(ground), light")
            #expect(contrast(one.dark, other.dark) >= least, "\(role) on \(ground), dark")
        }
    }

    @Test func theBrowserTakesThisStyleAndNothingElse() throws {
        let request = HTTPRequest(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
        let response = StatusPage.of([], history).response(to: request)
        let policy = try #require(response.headers.first(name: "Content-Security-Policy"))
        #expect(policy.hasPrefix("default-src 'none'; style-src 'sha256-"))
        #expect(policy.hasSuffix("'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"))
        #expect(!policy.contains("unsafe"))
        #expect(response.headers.first(name: "Cache-Control") == "no-store")
        #expect(response.headers.first(name: "Referrer-Policy") == "no-referrer")
        #expect(response.headers.first(name: "X-Content-Type-Options") == "nosniff")
        let page = String(decoding: response.body, as: UTF8.self)
        let body = page.split(separator: "</style>").last ?? ""
        for forbidden in [" style=", "<script", "javascript:", "http://", "https://", "<img", "<link"] {
            #expect(!body.contains(forbidden), "\(forbidden)")
        }
        #expect(!body.contains(#/ on[a-z]+=/#))
    }

    @Test func linksWorkBehindAProxyTooThatServesUnderAnotherPath() {
        #expect(html([]).contains("<a href=\"./metrics\">Metrics</a>"))
        #expect(StatusPage.relative("/-/ready") == "./-/ready")
    }
}
