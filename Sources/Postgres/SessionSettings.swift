import Scraping

/// What every session of ours is set to, so that it can neither change anything nor be in anybody's way for long.
struct SessionSettings {
    /// The longest that one statement may run.
    var statementTimeout: Duration
    /// The longest that one statement may wait for a lock: others queue up behind whoever waits.
    var lockTimeout: Duration
    /// When the server ends the session if it is left within a transaction.
    var idleTimeout: Duration

    /// For statements that a scrape waits for: one that hangs leaves time for the others, and so do all of them together
    /// where each waits for the same lock.
    static func scrape(until deadline: Deadline, statements: Int) -> SessionSettings {
        let left = deadline.remaining
        return SessionSettings(
            statementTimeout: left / 2, lockTimeout: min(.seconds(1), left / 2 / max(statements, 1)), idleTimeout: left)
    }

    /// For statements in the background, of which none may keep a lock's queue waiting.
    static func background(until deadline: Deadline) -> SessionSettings {
        let left = deadline.remaining
        return SessionSettings(statementTimeout: left, lockTimeout: min(.milliseconds(100), left), idleTimeout: left)
    }

    /// All of them as one statement.
    ///
    /// - Parameter isLocal: Whether they end with the transaction, as they have to behind a pooler, where the session is
    ///   somebody else's next.
    func statement(isLocal: Bool) -> String {
        let settings = [
            ("statement_timeout", milliseconds(statementTimeout)),
            ("lock_timeout", milliseconds(lockTimeout)),
            ("idle_in_transaction_session_timeout", milliseconds(idleTimeout)),
            (isLocal ? "transaction_read_only" : "default_transaction_read_only", "on"),
            ("search_path", "pg_catalog"),
            // Compiling a statement over catalogues takes longer than running it.
            ("jit", "off"),
        ]
        return "SELECT "
            + settings.map { "pg_catalog.set_config('\($0)', '\($1)', \(isLocal))" }.joined(separator: ", ")
    }

    /// At least one, since 0 is no limit at all.
    private func milliseconds(_ duration: Duration) -> String {
        "\(max(Int(duration.seconds * 1000), 1))"
    }
}
