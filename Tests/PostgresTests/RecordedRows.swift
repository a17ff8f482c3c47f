import CLibPQ
import Exposition
import Glibc
import Lab
import Scraping
import Testing

@testable import Postgres

extension QueryResult {
    /// Rows as a server sent them, `nil` for NULL, without a server.
    ///
    /// - Parameter types: `pg_type.oid` of columns that are not text.
    init(columns: [String], types: [String: UInt32] = [:], rows: [[String?]]) throws {
        let raw = try #require(PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK))
        let names = columns.map { strdup($0) }
        defer { for name in names { free(name) } }
        var attributes = zip(names, columns).map { name, column in
            PGresAttDesc(
                name: name, tableid: 0, columnid: 0, format: 0, typid: types[column] ?? 25, typlen: -1, atttypmod: -1)
        }
        PQsetResultAttrs(raw, Int32(columns.count), &attributes)
        for (row, values) in rows.enumerated() {
            for (column, value) in values.enumerated() {
                if let value {
                    var bytes = value.utf8.map { CChar(bitPattern: $0) }
                    PQsetvalue(raw, Int32(row), Int32(column), &bytes, Int32(bytes.count))
                } else {
                    PQsetvalue(raw, Int32(row), Int32(column), nil, -1)
                }
            }
        }
        self.init(raw)
    }
}

extension ServerFacts {
    /// A server of some version.
    static func server(_ version: Int, extensions: [String: String] = [:]) -> ServerFacts {
        ServerFacts(
            address: "db:5432", version: version, database: "app", extensionSchemas: extensions,
            isPooled: false, role: "exporter", rights: Set(Right.allCases), isInRecovery: false)
    }
}

extension PostgresServer {
    /// The collectors that run by themselves on this server, which has every extension that they read.
    func defaultCollectors() async throws -> [String] {
        let version = try #require(Int(try await sql("SHOW server_version_num").output.dropLast()))
        return PostgresCollectors.all().filter { $0.isEnabledByDefault }.filter { collector in
            (collector as? TableCollector)?.versions.contains(version) ?? true
        }.map(\.name)
    }
}

/// Families as lines, `name{labels} value`.
func lines(_ families: [MetricFamily]) -> [String] {
    families.flatMap { family in
        family.samples.map { sample in
            guard case .number(let value) = sample.value else { return "" }
            return "\(family.descriptor.name)\(sample.labels) \(value)"
        }
    }
}
