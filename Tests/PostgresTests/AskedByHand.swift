import Exposition
import Lab
import Scraping
import Testing

@testable import Postgres

extension PostgresServer {
    /// Every series of a collector with its value, its statement asked through psql in a session as ours are: read only,
    /// and with nothing but `pg_catalog` in its path.
    ///
    /// Histograms are left out.
    ///
    /// - Parameters:
    ///   - role: Who asks.
    ///   - limit: How many relations may stand by themselves.
    func series(
        of collector: any PostgresCollector, database: String = "postgres", role: String = "postgres",
        extensions: [String: String] = [:], limit: Int = 1000
    ) async throws -> [String: Double] {
        let version = try await sql("SHOW server_version_num").output
        var facts = ServerFacts.server(try #require(Int(version.dropLast())), extensions: extensions)
        facts.relationLimit = limit
        let statement = try #require(try collector.statement(for: facts))
        let script = """
            SET ROLE \(role);
            SET default_transaction_read_only = on;
            SET search_path = pg_catalog;
            SET lock_timeout = '1s';
            \\pset tuples_only off
            \\pset footer off
            \\pset null '<NULL>'
            \\pset fieldsep '\t'
            \(statement);
            """
        let result = try await sql(script, database: database)
        guard result.errors.isEmpty else { throw LabError("\(collector.name): \(result.errors)") }
        let rows = result.output.split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map { $0 == "<NULL>" ? nil : String($0) }
        }
        let columns = try #require(rows.first).compactMap(\.self)
        let families = try collector.families(
            from: QueryResult(columns: columns, rows: Array(rows.dropFirst())), server: facts)
        var series: [String: Double] = [:]
        for family in families {
            for case let (labels, .number(value)) in family.samples.map({ ($0.labels, $0.value) }) {
                let name = "\(family.descriptor.name)\(labels)"
                #expect(series[name] == nil, "\(name) is there twice")
                series[name] = value
            }
        }
        return series
    }

    /// A session that has run its statements one by one and then asks for nothing, its transaction open.
    func idleSession(_ statements: String..., database: String = "postgres") throws -> Daemon {
        let commands = statements.flatMap { ["-c", $0] } + ["-c", #"\! tail -f /dev/null --pid=$PPID"#]
        return try Daemon(
            ["psql", "-X", "-q", "-d", connectionString(database: database)] + commands,
            log: directory.path("sessions"))
    }

    /// Waits until some session is as the condition on `pg_stat_activity` says.
    func hasSession(where condition: String, count: Int = 1) async throws -> Bool {
        try await eventually {
            try await sql("SELECT count(*) FROM pg_stat_activity WHERE \(condition)").output == "\(count)\n"
        }
    }
}
