import Scraping

/// Why a server does not let somebody in: its code, and the place in its source that says so, which unlike its sentence are
/// the same in every language.
struct ConnectionRefusal: Equatable {
    let state: SQLState
    /// The function of the server's that refused; `nil` where it does not say.
    let function: String?
    /// The server's sentence, which may be in any language.
    let text: String

    /// Who asks to be let in.
    struct Login {
        let role: String
        let database: String
        /// Our own; `nil` over a unix socket.
        let address: String?
    }

    /// - Parameter message: What libpq says, as verbose as it can.
    /// - Returns: `nil` where it is not the server that refused.
    init?(_ message: String) {
        let lines = message.split(separator: "\n")
        // Of several hosts, the last is the one that was tried last.
        guard let index = lines.lastIndex(where: { Self.code(in: $0) != nil }),
            let (code, text) = Self.code(in: lines[index])
        else { return nil }
        state = SQLState(code: code)
        self.text = text
        let location = "LOCATION:  "
        function = lines[index...].first { $0.hasPrefix(location) }.map { line in
            String(line.dropFirst(location.count).prefix { $0 != "," })
        }
    }

    /// What stands behind a severity: `FATAL:  28P01: password authentication failed`.
    private static func code(in line: Substring) -> (code: String, text: String)? {
        guard let severity = line.firstRange(of: ":  ") else { return nil }
        let rest = line[severity.upperBound...]
        let code = rest.prefix(5)
        let isCode = code.utf8.count == 5 && code.allSatisfy { $0.isASCII && ($0.isNumber || $0.isUppercase) }
        guard isCode, rest.dropFirst(5).hasPrefix(": ") else { return nil }
        return (String(code), String(rest.dropFirst(7)))
    }

    /// The refusal in our words, with what mends it.
    func error(_ login: Login) -> CollectorError {
        if state.code == "08P01", let error = PoolerMessage.startupParameter(text) { return error }
        let (what, remedies) = meaning(login)
        let reason = state.reason == .permission ? FailureReason.authentication : state.reason
        return CollectorError(
            reason == .internal ? .connection : reason, "\(what) (\(state.code))", remedies: remedies)
    }

    private func meaning(_ login: Login) -> (what: String, remedies: [Remedy]) {
        let role = sqlIdentifier(login.role)
        let database = sqlIdentifier(login.database)
        switch (state.code, function) {
        case ("28P01", _):
            return (
                "the password is wrong, or the role does not exist",
                [
                    .sql("ALTER ROLE \(role) PASSWORD '<password>';"),
                    .sql("CREATE ROLE \(role) LOGIN PASSWORD '<password>' IN ROLE pg_monitor;", isAlternative: true),
                ]
            )
        case ("28000", "InitializeSessionUserId"):
            return (
                "the role may not log in, or does not exist",
                [
                    .sql("ALTER ROLE \(role) LOGIN;"),
                    .sql("CREATE ROLE \(role) LOGIN PASSWORD '<password>' IN ROLE pg_monitor;", isAlternative: true),
                ]
            )
        case ("28000", _):
            let origin = login.address.map { "host \(database) \(role) \($0)/\($0.contains(":") ? 128 : 32)" }
            return (
                "pg_hba.conf does not admit the role to the database from here",
                [
                    Remedy("pg_hba.conf, above all others", "\(origin ?? "local \(database) \(role)") scram-sha-256"),
                    .sql("SELECT pg_reload_conf();"),
                ]
            )
        case ("3D000", _):
            return (
                "the database does not exist",
                [Remedy(nil, "name one that exists in the connection string, such as postgres")]
            )
        case ("42501", _):
            return ("the role may not connect to the database", [.grantConnect(on: login.database, to: login.role)])
        case ("53300", "InitializeSessionUserId"):
            return ("the role has as many sessions as it may", [.connectionLimit(of: login.role)])
        case ("53300", "CheckMyDatabase"):
            return (
                "the database has as many sessions as it may", [.sql("ALTER DATABASE \(database) CONNECTION LIMIT -1;")]
            )
        case ("53300", _):
            return (
                "the server has as many sessions as it may (max_connections)",
                [Remedy(nil, "end sessions that nobody needs, or raise max_connections and restart the server")]
            )
        case ("57P03", _):
            return (
                "the server is starting up or shutting down", [Remedy(nil, "wait; its log says what it is doing")]
            )
        default: return ("the server refused the connection", [])
        }
    }
}

extension Remedy {
    /// A statement for a superuser.
    static func sql(_ statement: String, in database: String = "postgres", isAlternative: Bool = false) -> Remedy {
        Remedy("psql -d \(database.quotedForShell)", statement, isAlternative: isAlternative)
    }

    /// Lets a role see what others do.
    static func grantMonitor(to role: String) -> Remedy { sql("GRANT pg_monitor TO \(sqlIdentifier(role));") }

    /// Lets a role into a database.
    static func grantConnect(on database: String, to role: String) -> Remedy {
        sql("GRANT CONNECT ON DATABASE \(sqlIdentifier(database)) TO \(sqlIdentifier(role));")
    }

    /// Lets a role have as many sessions as an exporter takes, and some to spare while one is restarted.
    static func connectionLimit(of role: String) -> Remedy {
        sql("ALTER ROLE \(sqlIdentifier(role)) CONNECTION LIMIT 5;")
    }
}
