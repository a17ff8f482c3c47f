import CLibPQ
import Exposition
import Scraping
import Testing

@testable import Postgres

extension QueryResult {
    /// Rows as `psql --no-align` prints them, the columns' names first.
    fileprivate init(printed text: String) throws {
        let rows = text.split(separator: "\n").map {
            $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        }
        try self.init(columns: try #require(rows.first), rows: rows.dropFirst().map { $0.map { $0 } })
    }
}

/// Rows that PgBouncer 1.18.0 and 1.26.1 sent while statements ran and clients waited.
struct ShowTableTests {
    private func collected(_ collector: any PgBouncerCollector, _ printed: String) throws -> [String] {
        let rows = try QueryResult(printed: printed)
        return lines(try collector.families(from: rows))
    }

    @Test func totalsOfAnOlderVersion() throws {
        #expect(
            try collected(
                ShowTable.stats(hasLegacyNames: false),
                """
                database|xact_count|query_count|bytes_received|bytes_sent|xact_time|query_time|wait_time
                postgres|11|12|186|846|24054165|24054165|8030736
                shop|6|8|263|818|6565708|6565558|11994
                """) == [
                    #"pgbouncer_stats_totals_queries_pooled_total{database="postgres"} 12.0"#,
                    #"pgbouncer_stats_totals_queries_pooled_total{database="shop"} 8.0"#,
                    #"pgbouncer_stats_totals_queries_duration_seconds_total{database="postgres"} 24.054165"#,
                    #"pgbouncer_stats_totals_queries_duration_seconds_total{database="shop"} 6.565558"#,
                    #"pgbouncer_stats_totals_sql_transactions_pooled_total{database="postgres"} 11.0"#,
                    #"pgbouncer_stats_totals_sql_transactions_pooled_total{database="shop"} 6.0"#,
                    #"pgbouncer_stats_totals_server_in_transaction_seconds_total{database="postgres"} 24.054165"#,
                    #"pgbouncer_stats_totals_server_in_transaction_seconds_total{database="shop"} 6.565708"#,
                    #"pgbouncer_stats_totals_client_wait_seconds_total{database="postgres"} 8.030736"#,
                    #"pgbouncer_stats_totals_client_wait_seconds_total{database="shop"} 0.011994"#,
                    #"pgbouncer_stats_totals_received_bytes_total{database="postgres"} 186.0"#,
                    #"pgbouncer_stats_totals_received_bytes_total{database="shop"} 263.0"#,
                    #"pgbouncer_stats_totals_sent_bytes_total{database="postgres"} 846.0"#,
                    #"pgbouncer_stats_totals_sent_bytes_total{database="shop"} 818.0"#,
                ])
    }

    private let newTotals = """
        database|server_assignment_count|xact_count|query_count|bytes_received|bytes_sent|xact_time|query_time|wait_time|client_parse_count|server_parse_count|bind_count|client_login_count
        shop|24|24|26|935|1809|5422047|5421903|12360|2|2|20|4
        """

    @Test func totalsOfANewerVersion() throws {
        #expect(
            try collected(ShowTable.stats(hasLegacyNames: false), newTotals) == [
                #"pgbouncer_stats_totals_queries_pooled_total{database="shop"} 26.0"#,
                #"pgbouncer_stats_totals_queries_duration_seconds_total{database="shop"} 5.421903"#,
                #"pgbouncer_stats_totals_sql_transactions_pooled_total{database="shop"} 24.0"#,
                #"pgbouncer_stats_totals_server_in_transaction_seconds_total{database="shop"} 5.422047"#,
                #"pgbouncer_stats_totals_client_wait_seconds_total{database="shop"} 0.01236"#,
                #"pgbouncer_stats_totals_received_bytes_total{database="shop"} 935.0"#,
                #"pgbouncer_stats_totals_sent_bytes_total{database="shop"} 1809.0"#,
                #"pgbouncer_stats_totals_server_assignments_total{database="shop"} 24.0"#,
                #"pgbouncer_stats_totals_client_parses_total{database="shop"} 2.0"#,
                #"pgbouncer_stats_totals_server_parses_total{database="shop"} 2.0"#,
                #"pgbouncer_stats_totals_binds_total{database="shop"} 20.0"#,
            ])
    }

    @Test func legacyNamesAreThereBesides() throws {
        let names = try collected(ShowTable.stats(hasLegacyNames: true), newTotals).map { $0.prefix { $0 != "{" } }
        #expect(names.count == 22)
        #expect(names.prefix(11).allSatisfy { $0.hasPrefix("pgbouncer_stats_totals_") })
        #expect(
            names.suffix(11)
                == names.prefix(11).map { "pgbouncer_stats_\($0.dropFirst("pgbouncer_stats_totals_".count))" })
    }

    @Test(arguments: [
        """
        database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|sv_active_cancel|sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_mode
        postgres|web|21|22|23|24|25|26|27|28|29|30|31|2|277196|transaction
        """,
        """
        database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|sv_active_cancel|sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_mode|load_balance_hosts
        postgres|web|21|22|23|24|25|26|27|28|29|30|31|2|277196|transaction|round-robin
        """,
    ])
    func pools(printed: String) throws {
        #expect(
            try collected(ShowTable.pools, printed).map { $0.replacing(#"{database="postgres",user="web"}"#, with: "") }
                == [
                    "pgbouncer_pools_client_active_connections 21.0",
                    "pgbouncer_pools_client_waiting_connections 22.0",
                    "pgbouncer_pools_client_active_cancel_connections 23.0",
                    "pgbouncer_pools_client_waiting_cancel_connections 24.0",
                    "pgbouncer_pools_server_active_connections 25.0",
                    "pgbouncer_pools_server_active_cancel_connections 26.0",
                    "pgbouncer_pools_server_being_canceled_connections 27.0",
                    "pgbouncer_pools_server_idle_connections 28.0",
                    "pgbouncer_pools_server_used_connections 29.0",
                    "pgbouncer_pools_server_testing_connections 30.0",
                    "pgbouncer_pools_server_login_connections 31.0",
                    "pgbouncer_pools_client_maxwait_seconds 2.277196",
                ])
    }

    @Test(arguments: [
        """
        name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool|pool_mode|max_connections|current_connections|paused|disabled
        shop|127.0.0.1|28432|postgres|owner|3|0|2|session|7|1|1|0
        """,
        """
        name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool_size|server_lifetime|pool_mode|load_balance_hosts|max_connections|current_connections|max_client_connections|current_client_connections|paused|disabled
        shop|127.0.0.1|28432|postgres|owner|3|0|2|3600|session||7|1|0|1|1|0
        """,
    ])
    func databases(printed: String) throws {
        let labels =
            #"{database="postgres",force_user="owner",host="127.0.0.1",name="shop",pool_mode="session",port="28432"}"#
        #expect(
            try collected(ShowTable.databases, printed) == [
                "pgbouncer_databases_pool_size\(labels) 3.0",
                "pgbouncer_databases_reserve_pool\(labels) 2.0",
                "pgbouncer_databases_max_connections\(labels) 7.0",
                "pgbouncer_databases_current_connections\(labels) 1.0",
                "pgbouncer_databases_paused\(labels) 1.0",
                "pgbouncer_databases_disabled\(labels) 0.0",
            ])
    }

    /// The console itself has neither host nor user.
    @Test func nullIsAnEmptyLabelAndNoValue() throws {
        let rows = try QueryResult(
            columns: ["name", "host", "port", "database", "force_user", "pool_mode", "pool_size", "paused"],
            rows: [["pgbouncer", nil, "6432", "pgbouncer", "pgbouncer", nil, "2", nil]])
        let labels =
            #"{database="pgbouncer",force_user="pgbouncer",host="",name="pgbouncer",pool_mode="",port="6432"}"#
        #expect(lines(try ShowTable.databases.families(from: rows)) == ["pgbouncer_databases_pool_size\(labels) 2.0"])
    }

    @Test(arguments: [
        """
        list|items
        databases|4
        users|5
        pools|3
        free_clients|44
        used_clients|6
        login_clients|1
        free_servers|47
        used_servers|2
        dns_names|7
        dns_zones|8
        dns_queries|9
        dns_pending|0
        """,
        """
        list|items
        databases|4
        users|5
        peers|0
        pools|3
        peer_pools|0
        free_clients|44
        used_clients|6
        login_clients|1
        free_servers|47
        used_servers|2
        dns_names|7
        dns_zones|8
        dns_queries|9
        dns_pending|0
        """,
    ])
    func lists(printed: String) throws {
        #expect(
            try collected(ShowTable.lists, printed) == [
                "pgbouncer_databases 4.0", "pgbouncer_users 5.0", "pgbouncer_pools 3.0", "pgbouncer_free_clients 44.0",
                "pgbouncer_used_clients 6.0", "pgbouncer_login_clients 1.0", "pgbouncer_free_servers 47.0",
                "pgbouncer_used_servers 2.0", "pgbouncer_cached_dns_names 7.0", "pgbouncer_cached_dns_zones 8.0",
                "pgbouncer_in_flight_dns_queries 9.0",
            ])
    }

    @Test func limits() throws {
        #expect(
            try collected(
                ShowTable.config,
                """
                key|value|default|changeable
                max_client_conn|250|100|yes
                max_db_client_connections|0|0|yes
                max_user_connections|12|0|yes
                server_tls_key_file||| yes
                """) == ["pgbouncer_config_max_client_connections 250.0", "pgbouncer_config_max_user_connections 12.0"])
    }

    @Test(arguments: [
        """
        type|user|database|state|addr|port|application_name
        C|stats|pgbouncer|active|127.0.0.1|37718|psql
        C|app|postgres|waiting|127.0.0.1|37656|worker
        C|app|postgres|active|127.0.0.1|37642|worker
        C|app|postgres|waiting|127.0.0.1|37676|worker
        C|app|shop|active|127.0.0.1|37664|
        """,
        """
        type|user|database|replication|state|addr|port|application_name|prepared_statements|id
        C|stats|pgbouncer|none|active|127.0.0.1|39022|psql|0|13
        C|app|postgres|none|active|127.0.0.1|37980|worker|0|3
        C|app|postgres|none|waiting|127.0.0.1|37984|worker|0|4
        C|app|postgres|none|waiting|127.0.0.1|37992|worker|0|8
        C|app|shop|none|active|127.0.0.1|37970||0|1
        """,
    ])
    func clientsAreCounted(printed: String) throws {
        let family = "pgbouncer_client_connections"
        #expect(
            try collected(PoolerClients(), printed) == [
                #"\#(family){application_name="",database="shop",state="active",user="app"} 1.0"#,
                #"\#(family){application_name="psql",database="pgbouncer",state="active",user="stats"} 1.0"#,
                #"\#(family){application_name="worker",database="postgres",state="active",user="app"} 1.0"#,
                #"\#(family){application_name="worker",database="postgres",state="waiting",user="app"} 2.0"#,
            ])
    }

    @Test(arguments: ["PgBouncer 1.18.0", "PgBouncer 1.26.1"])
    func version(text: String) throws {
        #expect(
            try collected(PoolerVersion(), "version\n\(text)") == [#"pgbouncer_version_info{version="\#(text)"} 1.0"#])
    }

    @Test(arguments: PgBouncerCollectors.all().map(\.name))
    func anAnswerToSomethingElseIsAnError(name: String) throws {
        let collector = try #require(PgBouncerCollectors.all().first { $0.name == name })
        let error = #expect(throws: CollectorError.self) { try collected(collector, "nonsense\n1") }
        #expect(error?.reason == .internal)
    }

    /// pgbouncer_exporter's families and their types, as release 0.12.1 has them.
    @Test func theCatalogueIsWhatTheReplacedExporterHas() {
        let entries = PgBouncerCollectors.catalogue.flatMap(\.metrics)
        #expect(entries.count == 44)
        #expect(Set(entries.map(\.descriptor.name)).count == entries.count)
        for entry in entries {
            #expect(entry.descriptor.type == (entry.descriptor.name.hasSuffix("_total") ? .counter : .gauge))
        }
        #expect(entries.first { $0.descriptor.name == "pgbouncer_stats_totals_binds_total" }?.versions == "1.24+")
        #expect(
            entries.first { $0.descriptor.name == "pgbouncer_databases_paused" }?.labels
                == ["name", "host", "port", "database", "force_user", "pool_mode"])
    }
}

struct PoolerMessageTests {
    @Test(arguments: [
        ("password authentication failed", FailureReason.authentication),
        ("SASL authentication failed", .authentication),
        ("auth failed", .authentication), ("no such user: web", .authentication), ("not allowed", .authentication),
        ("admin access needed", .permission), ("invalid command 'SHOW NONSENSE', use SHOW HELP;", .unsupportedVersion),
        ("no more connections allowed (max_client_conn)", .connection),
    ])
    func sentencesBecomeReasons(text: String, reason: FailureReason) {
        #expect(
            PoolerMessage.error(text, to: .init(role: "a", database: "b", address: nil), otherwise: .connection).reason
                == reason)
    }
}
