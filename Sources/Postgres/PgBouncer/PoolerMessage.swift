import Scraping

/// What PgBouncer says of a failure. It has one code for all of them (08P01), and never translates its sentences.
enum PoolerMessage {
    private static let meanings: [(text: String, reason: FailureReason, advice: String)] = [
        (
            "authentication failed", .authentication,
            "the password is wrong, or PgBouncer does not know the user (auth_file, auth_query)"
        ),
        ("auth failed", .authentication, "the password is wrong (auth_file, auth_query)"),
        ("no such user", .authentication, "PgBouncer does not know the user (auth_file, auth_query)"),
        (
            "not allowed", .authentication,
            "the user may not use PgBouncer's console: add it to stats_users in pgbouncer.ini"
        ),
        ("admin access needed", .permission, "only a user in admin_users of pgbouncer.ini may see it"),
        ("invalid command", .unsupportedVersion, "this version of PgBouncer does not have it"),
    ]

    /// - Parameter reason: What a sentence stands for that is none of the known.
    static func error(_ text: String, otherwise reason: FailureReason) -> CollectorError {
        guard let meaning = meanings.first(where: { text.contains($0.text) }) else {
            return CollectorError(reason, "PgBouncer says: \(text)")
        }
        return CollectorError(meaning.reason, meaning.advice)
    }
}
