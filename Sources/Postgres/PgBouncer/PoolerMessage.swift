import Scraping

/// What PgBouncer says of a failure. It has one code for all of them (08P01), and never translates its sentences.
enum PoolerMessage {
    private typealias Login = ConnectionRefusal.Login

    private static let meanings: [(text: String, reason: FailureReason, advice: String, remedies: Remedies)] = [
        (
            "authentication failed", .authentication,
            "the password is wrong, or PgBouncer does not know the user (auth_file, auth_query)", .password
        ),
        ("auth failed", .authentication, "the password is wrong (auth_file, auth_query)", .password),
        ("no such user", .authentication, "PgBouncer does not know the user (auth_file, auth_query)", .password),
        (
            "not allowed", .authentication,
            "the user may not use PgBouncer's console, since it is not among stats_users in pgbouncer.ini", .statsUser
        ),
        ("admin access needed", .permission, "only a user in admin_users of pgbouncer.ini may see it", .none),
        ("invalid command", .unsupportedVersion, "this version of PgBouncer does not have it", .none),
    ]

    private enum Remedies {
        case none, password, statsUser

        func lines(for login: Login) -> [Remedy] {
            let role = login.role
            let reload = Remedy("psql -d pgbouncer", "RELOAD;")
            return switch self {
            case .none: []
            case .password: [Remedy("the auth_file of pgbouncer.ini", "\(sqlIdentifier(role)) \"<password>\""), reload]
            // Those that are there already, nobody tells who may not look.
            case .statsUser: [Remedy("pgbouncer.ini, besides those that are there", "stats_users = \(role)"), reload]
            }
        }
    }

    /// - Parameters:
    ///   - login: Who asked.
    ///   - reason: What a sentence stands for that is none of the known.
    static func error(
        _ text: String, to login: ConnectionRefusal.Login, otherwise reason: FailureReason
    ) -> CollectorError {
        if let error = startupParameter(text) { return error }
        guard let meaning = meanings.first(where: { text.contains($0.text) }) else {
            return CollectorError(reason, "PgBouncer says: \(text)")
        }
        return CollectorError(meaning.reason, meaning.advice, remedies: meaning.remedies.lines(for: login))
    }

    /// That the connection string sets something which PgBouncer does not hand on; `nil` where it is not that.
    static func startupParameter(_ text: String) -> CollectorError? {
        let start = "unsupported startup parameter"
        guard text.contains(start), let name = text.split(separator: " ").last else { return nil }
        let parameter = text.contains("\(start) in options") ? "options" : name
        return CollectorError(
            .connection, "PgBouncer does not take the parameter \(name) of the connection string",
            remedies: [
                Remedy("pgbouncer.ini, besides those that are there", "ignore_startup_parameters = \(parameter)"),
                Remedy("psql -d pgbouncer", "RELOAD;"),
            ])
    }
}
