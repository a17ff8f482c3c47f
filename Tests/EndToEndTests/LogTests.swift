import Configuration
import Foundation
import Lab
import Synchronization
import Testing

@testable import StackExporter

struct LogLineTests {
    private func line(_ value: String, as format: LogFormat) -> String {
        LineLogHandler.line([("msg", value)], as: format)
    }

    @Test(arguments: [
        ("plain", "msg=plain"), ("two words", #"msg="two words""#), ("", #"msg="""#), ("a=b", #"msg="a=b""#),
        (#"say "x""#, #"msg="say \"x\"""#), ("new\nline\r\n", #"msg="new\nline\r\n""#), ("tab\t", #"msg="tab\t""#),
        // What clears the screen, in the two ways of writing it; what deletes; what turns the text around; line ends of
        // Unicode's own.
        ("\u{1b}[2J", #"msg="\u001b[2J""#), ("\u{9b}2J", #"msg="\u009b2J""#), ("\u{7f}", #"msg="\u007f""#),
        ("a\u{202e}b", #"msg="a\u202eb""#), ("a\u{2028}b\u{2029}c\u{85}", #"msg="a\u2028b\u2029c\u0085""#),
        ("\u{0}", #"msg="\u0000""#), ("\u{e0001}", #"msg="\udb40\udc01""#), ("größe 😀", #"msg="größe 😀""#),
    ])
    func valuesAreOnOneLine(value: String, expected: String) throws {
        #expect(line(value, as: .logfmt) == expected)
        let json = line(value, as: .json)
        #expect(!json.unicodeScalars.contains { $0.properties.generalCategory == .control })
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String]
        #expect(object == ["msg": value])
    }

    @Test(arguments: [LogFormat.logfmt, .json])
    func linesAreBounded(format: LogFormat) {
        let long = LineLogHandler.line(
            (0..<100).map { ("field\($0)", String(repeating: "ü\u{1b}", count: 5000)) }, as: format)
        #expect(long.utf8.count < 24_000)
        #expect(!long.contains("\u{fffd}") && !long.contains("\n"))
        #expect(line(String(repeating: "x", count: 1024), as: .logfmt).hasSuffix("xxx"))
        #expect(line(String(repeating: "x", count: 1025), as: .logfmt).hasSuffix("x..."))
    }
}

@Suite(.startsServers, .timeLimit(.minutes(15)))
struct LogTests {
    @Test func whatIsSaidOfATargetThatGoesAndComes() async throws {
        let redis = try await RedisServer()
        let exporter = try await Exporter(["REDIS_ADDR": "127.0.0.1:\(redis.port)"], "--log.format=json")
        _ = try await exporter.page { $0["redis_up"] == 1 }
        try await redis.stop()
        for _ in 0..<5 { #expect(try await exporter.page()["redis_up"] == 0) }
        try await redis.start()
        _ = try await exporter.page { $0["redis_up"] == 1 }
        let lines = try exporter.log.split(separator: "\n").map { line in
            try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        }
        let start = try #require(lines.first)
        #expect(start["msg"] == "started")
        #expect(start["version"]?.isEmpty == false && start["revision"]?.isEmpty == false)
        #expect(start["redis"] == "1" && start["containers"] == "1" && start["postgres"] == nil)
        #expect(["v1", "v2", "hybrid"].contains(start["cgroups"]))
        #expect(start["address"] == "127.0.0.1:\(exporter.port),unix:\(exporter.socket)")

        let ofRedis = lines.filter { $0["target"] == "redis" }
        let down = ofRedis.filter { $0["level"] == "warn" }
        #expect(down.count == 1 && down.first?["reason"] == "connection" && down.first?["collector"] == nil)
        let again = ofRedis.filter { $0["msg"] == "collecting again" }
        #expect(again.count == 1)
        #expect(Int(again.first?["failures"] ?? "") ?? 0 >= 5)
        #expect(again.first?["for"]?.wholeMatch(of: /(\d+m)?\d+s/) != nil)
    }

    @Test func aCollectorHasAFieldOfItsOwn() async throws {
        let postgres = try await PostgresServer()
        let exporter = try await Exporter(["DATABASE_URL": postgres.connectionString()])
        _ = try await exporter.page { $0["pg_up"] == 1 }
        #expect(
            exporter.log.contains(
                /level=info msg=".*" collector=stat_statements reason=missing_extension target=postgres/))
        try await postgres.sql("CREATE EXTENSION pg_stat_statements")
        #expect(
            try await eventually(within: 60) {
                _ = try await exporter.page()
                return exporter.log.contains(
                    /msg="collecting again" collector=stat_statements failures=\d+ for=\S+ target=postgres/)
            })
    }
}
