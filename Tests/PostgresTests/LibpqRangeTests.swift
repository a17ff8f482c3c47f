import Foundation
import Lab
import Scraping
import Testing

@testable import Postgres

/// What libpq makes of connection strings goes for this exporter as well.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct LibpqRangeTests {
    /// Connects, and says as whom and how.
    private func connect(
        _ text: String, user: String? = nil, password: Secret? = nil
    ) async throws -> PostgresConnection.Peer {
        let connection = PostgresConnection(
            try PostgresSettings(name: "test", connectionString: text, user: user, password: password))
        try await connection.open(until: Deadline(after: .seconds(20)))
        return try await connection.peer
    }

    /// All that ASCII can print, the odd first.
    private static let oddPassword = String(decoding: (0x20..<0x7f).map(UInt8.init), as: UTF8.self) + "ß, €"

    @Test func aPasswordOfEveryPrintableCharacter() async throws {
        let server = try await PostgresServer()
        let literal = Self.oddPassword.replacing("'", with: "''")
        try await server.sql("CREATE ROLE odd LOGIN PASSWORD '\(literal)'")
        let wrong = "'not the password'"

        let escaped = try #require(Self.oddPassword.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        let uri = "postgresql://odd:\(escaped)@127.0.0.1:\(server.port)/postgres?sslmode=disable"
        _ = try await connect(uri)

        let quoted = Self.oddPassword.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
        let pairs = "host=127.0.0.1 port=\(server.port) dbname=postgres user=odd sslmode=disable"
        _ = try await connect("\(pairs) password='\(quoted)'")
        _ = try await connect(pairs, password: Secret(value: Self.oddPassword))
        var parameters = try ConnectionParameters(pairs)
        parameters["password"] = Self.oddPassword
        _ = try await connect(parameters.connectionString)

        let error = await #expect(throws: CollectorError.self) { try await connect("\(pairs) password=\(wrong)") }
        #expect(error?.reason == .authentication)
        #expect(error?.detail.contains("not the") == false)
    }

    @Test func theSecondHostWhereTheFirstRefuses() async throws {
        let server = try await PostgresServer()
        let login =
            "postgres:\(try #require(PostgresServer.password.addingPercentEncoding(withAllowedCharacters: .alphanumerics)))"
        let peer = try await connect(
            "postgresql://\(login)@127.0.0.1:\(freePort()),127.0.0.1:\(server.port)/postgres?sslmode=disable")
        #expect(peer.address == "127.0.0.1:\(server.port)")
    }

    @Test func aPasswordFile() async throws {
        let server = try await PostgresServer()
        let escaped = PostgresServer.password.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
        let file = try server.directory.write("pgpass", "127.0.0.1:\(server.port):*:postgres:\(escaped)\n")
        chmod(file, 0o600)
        let text = "host=127.0.0.1 port=\(server.port) user=postgres sslmode=disable"
        _ = try await connect("\(text) passfile=\(file)")
        let error = await #expect(throws: CollectorError.self) { try await connect("\(text) passfile=/nowhere") }
        #expect(error?.reason == .authentication)
    }

    @Test func certificatesOfBothSides() async throws {
        let certificates = try await Certificates(user: "monitor")
        let server = try await PostgresServer(settings: [
            "ssl = on", "ssl_cert_file = '\(certificates.path("server.crt"))'",
            "ssl_key_file = '\(certificates.path("server.key"))'", "ssl_ca_file = '\(certificates.path("ca.crt"))'",
            "hba_file = '\(certificates.path("hba"))'",
        ])
        try await server.sql("CREATE ROLE monitor LOGIN")
        let address = "port=\(server.port) user=monitor dbname=postgres"
        let authority = "sslmode=verify-full sslrootcert=\(certificates.path("ca.crt"))"
        let identity = "sslcert=\(certificates.path("client.crt")) sslkey=\(certificates.path("client.key"))"
        _ = try await connect("host=localhost hostaddr=127.0.0.1 \(address) \(authority) \(identity)")

        // Without its certificate the client is nobody.
        let nobody = await #expect(throws: CollectorError.self) {
            try await connect("host=localhost hostaddr=127.0.0.1 \(address) \(authority) sslcert=/nowhere")
        }
        #expect(nobody?.reason == .authentication)
        // The server's certificate is for localhost, and another authority's word counts for nothing.
        for other in [
            "host=127.0.0.1 \(address) \(authority) \(identity)",
            "host=localhost hostaddr=127.0.0.1 \(address) \(identity) sslmode=verify-full sslrootcert=\(certificates.path("client.crt"))",
        ] {
            let error = await #expect(throws: CollectorError.self) { try await connect(other) }
            #expect(error?.reason == .connection)
        }
    }
}

/// An authority, a server's certificate for localhost and a client's, and who may log in with the latter.
private struct Certificates {
    private let directory = TemporaryDirectory("certificates")

    init(user: String) async throws {
        let script = """
            set -e
            key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
            openssl req -x509 $key -keyout ca.key -out ca.crt -subj /CN=authority
            issue() {
                openssl req $key -keyout $1.key -out $1.csr -subj /CN=$2 -addext subjectAltName=DNS:$2
                openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out $1.crt
            }
            issue server localhost
            issue client \(user)
            echo 'host all postgres all scram-sha-256' >hba
            echo 'hostssl all \(user) all cert' >>hba
            chmod 600 *.key
            if [ "$(id -u)" = 0 ]; then chown postgres server.key; fi
            """
        let made = try await run(["sh", "-c", "cd '\(directory.path)'; \(script)"])
        guard made.status == 0 else { throw LabError("openssl: \(made.errors)") }
    }

    func path(_ name: String) -> String { directory.path(name) }
}
