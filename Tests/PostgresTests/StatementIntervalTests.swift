import Exposition
import Testing

@testable import Postgres

/// What two reads make of each other, on reads as a server gives them.
struct StatementIntervalTests {
    private static let start = ContinuousClock.now

    /// A server that answers reads, with a clock of its own.
    private struct Server {
        var read = StatementRead(
            origin: .init(started: 1_795_236_844.25, seesAll: true), reset: 1_795_236_844.3,
            users: [10: "postgres", 20: "app"], databases: [5: "shop", 6: "wiki"])
        var now = StatementIntervalTests.start
        var intervals: StatementIntervals

        init(limit: Int = 2, shortest: Duration = .seconds(10)) {
            var options = PostgresOptions.Statements()
            options.intervalLimit = limit
            options.shortestInterval = shortest
            intervals = StatementIntervals(options)
        }

        mutating func run(
            _ query: Int64, user: UInt32 = 20, database: UInt32 = 5, calls: Double = 1, seconds: Double
        ) {
            read.counts[
                StatementKey(user: user, database: database, query: query), default: StatementCounts.zero
            ] += StatementCounts(calls: calls, seconds: seconds)
        }

        mutating func forget(_ query: Int64) {
            read.counts = read.counts.filter { $0.key.query != query }
        }

        /// The families that a scrape after some seconds shows, as lines.
        mutating func scrape(after seconds: Double = 15) -> [String] {
            now += .seconds(seconds)
            intervals.update(with: read, at: now)
            return lines(intervals.families)
        }

        /// The queries that stand by themselves in such a scrape.
        mutating func shown(after seconds: Double = 15) -> [String] {
            scrape(after: seconds).filter { $0.hasPrefix("pg_stat_statements_interval_calls{") }
                .compactMap { $0.split(separator: "queryid=\"").last?.split(separator: "\"").first.map(String.init) }
                .filter { $0 != "other" }
        }
    }

    @Test func theFirstReadHasNoInterval() {
        var server = Server()
        server.run(1, calls: 100, seconds: 500)
        #expect(
            server.scrape() == [
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.1"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.5"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="1"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="wiki",threshold="0.1"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="wiki",threshold="0.5"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="wiki",threshold="1"} 0.0"#,
            ])
    }

    @Test func theIntervalIsWhatCameSinceTheReadBefore() {
        var server = Server()
        server.run(1, calls: 100, seconds: 500)
        server.run(2, calls: 5, seconds: 1)
        _ = server.scrape()
        server.run(1, calls: 4, seconds: 3)
        server.run(2, user: 10, database: 6, calls: 2, seconds: 0.5)
        let page = server.scrape(after: 12.5)
        #expect(page.contains("pg_stat_statements_interval_duration_seconds 12.5"))
        #expect(
            page.filter { $0.contains("queryid") } == [
                #"pg_stat_statements_interval_mean_exec_seconds{datname="shop",queryid="1",user="app"} 0.75"#,
                #"pg_stat_statements_interval_mean_exec_seconds{datname="wiki",queryid="2",user="postgres"} 0.25"#,
                #"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 4.0"#,
                #"pg_stat_statements_interval_calls{datname="wiki",queryid="2",user="postgres"} 2.0"#,
                #"pg_stat_statements_interval_calls{datname="shop",queryid="other",user=""} 0.0"#,
                #"pg_stat_statements_interval_calls{datname="wiki",queryid="other",user=""} 0.0"#,
                #"pg_stat_statements_interval_seconds{datname="shop",queryid="1",user="app"} 3.0"#,
                #"pg_stat_statements_interval_seconds{datname="wiki",queryid="2",user="postgres"} 0.5"#,
                #"pg_stat_statements_interval_seconds{datname="shop",queryid="other",user=""} 0.0"#,
                #"pg_stat_statements_interval_seconds{datname="wiki",queryid="other",user=""} 0.0"#,
            ])
    }

    @Test func theOthersAreAddedUpByDatabase() {
        var server = Server(limit: 1)
        _ = server.scrape()
        server.run(1, calls: 1, seconds: 9)
        for query in Int64(2)...4 { server.run(query, calls: 10, seconds: 2) }
        server.run(5, database: 6, calls: 3, seconds: 1)
        let page = server.scrape()
        #expect(page.contains(#"pg_stat_statements_interval_seconds{datname="shop",queryid="1",user="app"} 9.0"#))
        #expect(page.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="other",user=""} 30.0"#))
        #expect(page.contains(#"pg_stat_statements_interval_seconds{datname="shop",queryid="other",user=""} 6.0"#))
        #expect(
            page.contains(#"pg_stat_statements_interval_mean_exec_seconds{datname="shop",queryid="other",user=""} 0.2"#)
        )
        #expect(page.contains(#"pg_stat_statements_interval_calls{datname="wiki",queryid="other",user=""} 3.0"#))
    }

    @Test func aStatementThatWasResetStartsAnew() {
        var server = Server()
        server.run(1, calls: 100, seconds: 500)
        server.run(2, calls: 100, seconds: 500)
        server.run(3, calls: 1, seconds: 4)
        _ = server.scrape()
        server.forget(1)
        server.run(1, calls: 3, seconds: 0.75)
        // More calls than before the reset, but less time.
        server.forget(3)
        server.run(3, calls: 2, seconds: 0.5)
        let page = server.scrape()
        #expect(page.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 3.0"#))
        #expect(page.contains(#"pg_stat_statements_interval_seconds{datname="shop",queryid="1",user="app"} 0.75"#))
        #expect(page.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="3",user="app"} 2.0"#))
        #expect(page.contains(#"pg_stat_statements_interval_seconds{datname="shop",queryid="3",user="app"} 0.5"#))
    }

    /// Since 14 the server says when: what runs more often than before the reset is told apart too.
    @Test func aResetOfAllCountsFromZero() {
        var server = Server()
        server.run(1, calls: 3, seconds: 1)
        _ = server.scrape()
        server.read.reset = 1_795_240_000
        server.read.counts = [:]
        server.run(1, calls: 5, seconds: 2)
        #expect(
            server.scrape().contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 5.0"#))
    }

    @Test func anUpdateOfTheExtensionIsNoReset() {
        var server = Server()
        server.read.reset = nil
        server.run(1, calls: 1000, seconds: 1)
        _ = server.scrape()
        server.read.reset = 1_795_240_000
        server.run(1, calls: 5, seconds: 2)
        #expect(
            server.scrape().contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 5.0"#))
    }

    @Test func whatVanishedIsAbsentAndComesBackAsNew() {
        var server = Server()
        server.run(1, calls: 100, seconds: 500)
        _ = server.scrape()
        server.run(1, calls: 1, seconds: 1)
        #expect(server.shown() == ["1"])
        server.forget(1)
        #expect(server.shown() == [])
        server.run(1, calls: 7, seconds: 2)
        #expect(
            server.scrape().contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 7.0"#))
    }

    /// After a failover or a restart the counts are another server's; after a GRANT the others' statements get ids.
    @Test func readsOfDifferentOriginsAreNotCompared() {
        var server = Server()
        server.run(1, calls: 1, seconds: 1)
        _ = server.scrape()
        server.read.origin.started += 1000
        server.run(1, calls: 1_000_000, seconds: 1_000_000)
        #expect(server.shown() == [])
        server.read.origin.seesAll = false
        server.run(1, calls: 1_000_000, seconds: 1_000_000)
        #expect(server.shown() == [])
        server.run(1, calls: 2, seconds: 1)
        #expect(
            server.scrape().contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 2.0"#))
    }

    @Test func aStatementStaysAmongTwiceAsManyAndForFiveMinutes() {
        var server = Server(limit: 2)
        _ = server.scrape()
        /// The first has the most time.
        func load(_ queries: [Int64]) {
            for (rank, query) in queries.enumerated() { server.run(query, seconds: Double(10 - rank)) }
        }
        load([1, 2, 3, 4, 5])
        #expect(server.shown() == ["1", "2"])
        // Third and fourth of four: they stay, and those that come in come in.
        load([3, 4, 1, 2, 5])
        #expect(server.shown() == ["1", "2", "3", "4"])
        // Beyond that, and quiet, they stay for as long as it may be a pause.
        load([3, 4, 5, 6, 1])
        #expect(server.shown(after: 150) == ["1", "2", "3", "4"])
        load([3, 4])
        #expect(server.shown(after: 150) == ["1", "2", "3", "4"])
        load([3, 4])
        #expect(server.shown(after: 1) == ["1", "2", "3", "4"])
        #expect(server.shown(after: 10) == ["3", "4"])
    }

    @Test func aStatementThatStaysWithoutRunningHasNoMean() {
        var server = Server()
        _ = server.scrape()
        server.run(1, seconds: 1)
        _ = server.scrape()
        let page = server.scrape()
        #expect(page.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 0.0"#))
        #expect(page.contains(#"pg_stat_statements_interval_seconds{datname="shop",queryid="1",user="app"} 0.0"#))
        #expect(!page.contains { $0.hasPrefix("pg_stat_statements_interval_mean_exec_seconds") })
    }

    @Test func neverMoreThanThriceAsManyAreShown() {
        var server = Server(limit: 2)
        _ = server.scrape()
        for query in Int64(1)...20 {
            server.run(query, seconds: 1)
            let shown = server.shown()
            #expect(shown.count == min(Int(query), 6))
            #expect(shown.contains("\(query)"))
        }
        #expect(server.shown() == ["15", "16", "17", "18", "19", "20"])
    }

    @Test func readsThatComeTooSoonRepeatTheInterval() {
        var server = Server(shortest: .seconds(10))
        _ = server.scrape()
        server.run(1, calls: 2, seconds: 1)
        #expect(!server.scrape(after: 3).contains { $0.contains("interval") })
        server.run(1, calls: 3, seconds: 1)
        let first = server.scrape(after: 12)
        #expect(first.contains("pg_stat_statements_interval_duration_seconds 15.0"))
        #expect(first.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 5.0"#))
        server.run(1, calls: 4, seconds: 90)
        #expect(server.scrape(after: 3) == first)
        let second = server.scrape(after: 12)
        #expect(second.contains("pg_stat_statements_interval_duration_seconds 15.0"))
        #expect(second.contains(#"pg_stat_statements_interval_calls{datname="shop",queryid="1",user="app"} 4.0"#))
    }

    @Test func slowStatementsAreCountedByThreshold() {
        var server = Server()
        _ = server.scrape()
        server.run(1, calls: 10, seconds: 2)
        server.run(2, calls: 2, seconds: 1.5)
        server.run(3, calls: 1, seconds: 0.5)
        // All that other roles ran, of which no single mean is known.
        server.run(0, calls: 1, seconds: 100)
        func slow(_ page: [String]) -> [String] { page.filter { $0.contains("slow") && $0.contains("shop") } }
        #expect(
            slow(server.scrape()) == [
                #"pg_slow_statements{datname="shop",threshold="0.1"} 3.0"#,
                #"pg_slow_statements{datname="shop",threshold="0.5"} 1.0"#,
                #"pg_slow_statements{datname="shop",threshold="1"} 0.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.1"} 13.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.5"} 2.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="1"} 0.0"#,
            ])
        server.run(1, calls: 10, seconds: 0.1)
        server.run(2, calls: 1, seconds: 3)
        let page = server.scrape()
        #expect(
            slow(page) == [
                #"pg_slow_statements{datname="shop",threshold="0.1"} 1.0"#,
                #"pg_slow_statements{datname="shop",threshold="0.5"} 1.0"#,
                #"pg_slow_statements{datname="shop",threshold="1"} 1.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.1"} 14.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="0.5"} 3.0"#,
                #"pg_slow_statement_calls_total{datname="shop",threshold="1"} 1.0"#,
            ])
        #expect(page.contains(#"pg_slow_statements{datname="wiki",threshold="0.1"} 0.0"#))
    }

    @Test func statementsWithoutIdAreOneByRoleAndDatabase() {
        var server = Server()
        _ = server.scrape()
        server.run(0, user: 10, calls: 4, seconds: 2)
        #expect(
            server.scrape().contains(
                #"pg_stat_statements_interval_seconds{datname="shop",queryid="unknown",user="postgres"} 2.0"#))
    }
}
