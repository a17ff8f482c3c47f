public import Postgres
import Scraping

/// Why a probe is not made.
public struct ProbeRefusal: Error, Equatable {
    /// What kind of refusal it is, which makes the answer's status.
    public enum Reason: Sendable {
        /// The request says too little, or what cannot be understood.
        case malformed
        /// The address is none that may be asked for.
        case forbidden
        /// There is no target of this name.
        case unknown
    }

    /// What kind of refusal it is.
    public let reason: Reason
    /// The sentence for whoever asked; it repeats nothing of the request, which may hold a password.
    public let sentence: String

    /// A refusal with its sentence.
    public init(_ reason: Reason, _ sentence: String) {
        self.reason = reason
        self.sentence = sentence
    }

    /// What a name is answered that no target has.
    public static let unknownTarget = ProbeRefusal(
        .unknown, "No target of this name is configured; those that are stand at /.")
}

extension Settings {
    /// The server that a probe is asked for by its address, as postgres_exporter has it.
    ///
    /// Whoever can reach the exporter can ask, so that only what ``probedAddresses`` admits is dialled, and an address may
    /// say nothing that makes libpq open files or go elsewhere. What is returned is what was checked: all that decides
    /// where the connection leads is said in it, whatever the environment says.
    ///
    /// - Parameters:
    ///   - target: A URI, `keyword=value` pairs or `host[:port][/database][?keyword=value]`.
    ///   - module: The name of one of the ``authModules``, whose word goes before the target's.
    public func probed(_ target: String, module: String?) throws(ProbeRefusal) -> PostgresSettings {
        guard let probedAddresses else {
            throw ProbeRefusal(
                .forbidden,
                "No server may be probed by its address; --postgres.probe.allow with a regular expression for host:port admits some."
            )
        }
        var parameters = try Self.parameters(of: target)
        if let keyword = parameters.keywords.first(where: { !Self.probeKeywords.contains($0) }) {
            throw ProbeRefusal(
                .malformed,
                "A probe's target may not set \(keyword); write it into the options of an auth module in the configuration file."
            )
        }
        let login = try module.map { name throws(ProbeRefusal) in
            guard let login = authModules[name] else {
                throw ProbeRefusal(.malformed, "There is no auth module of this name in the configuration file.")
            }
            return login
        }
        // Another's password is of no use to a user, and nobody's business.
        if login?.username != nil { parameters["password"] = nil }
        for (keyword, value) in login?.options ?? [] { parameters[keyword] = value }

        parameters["port"] = parameters["port"] ?? "5432"
        // Empty, so that PGHOSTADDR and PGPASSWORD, which belong to the exporter's own server, do not stand in.
        parameters["hostaddr"] = parameters["hostaddr"] ?? ""
        parameters["password"] = parameters["password"] ?? ""
        guard let addresses = parameters.addresses else {
            throw ProbeRefusal(.malformed, "A probe's target has to name a host.")
        }
        guard addresses.allSatisfy(probedAddresses.matches) else {
            throw ProbeRefusal(.forbidden, "This address is not among those that --postgres.probe.allow admits.")
        }
        do {
            return try PostgresSettings(
                name: addresses[0], connectionString: parameters.connectionString, user: login?.username,
                password: login?.password)
        } catch {
            throw ProbeRefusal(.malformed, "The target \(error).")
        }
    }

    private static let longestTarget = 2048

    /// - Throws: Where a target is too long, or has what no address has.
    static func checkText(of target: String) throws(ProbeRefusal) {
        guard target.utf8.count <= longestTarget else {
            throw ProbeRefusal(.malformed, "A probe's target has at most \(longestTarget) bytes.")
        }
        guard !target.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            throw ProbeRefusal(.malformed, "A probe's target has no control characters.")
        }
    }

    private static func parameters(of target: String) throws(ProbeRefusal) -> ConnectionParameters {
        try checkText(of: target)
        do {
            if target.hasPrefix("postgresql://") || target.hasPrefix("postgres://") {
                return try ConnectionParameters(target)
            }
            // An address may have equals signs too, but not before the question mark.
            let isPairs = target.prefix { $0 != "?" }.contains("=")
            return try ConnectionParameters(isPairs ? target : "postgresql://\(target)")
        } catch {
            throw ProbeRefusal(.malformed, "The target \(error).")
        }
    }

    /// What a target may say. The other keywords name files to read or write, further servers, and what a session does.
    private static let probeKeywords: Set<String> = [
        "host", "hostaddr", "port", "dbname", "user", "password", "connect_timeout", "application_name", "sslmode",
        "sslsni", "sslnegotiation", "sslcompression", "ssl_min_protocol_version", "ssl_max_protocol_version",
        "channel_binding", "require_auth", "gssencmode", "target_session_attrs", "load_balance_hosts", "keepalives",
        "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
    ]
}
