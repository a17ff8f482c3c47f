extension Command {
    /// What `--help` prints.
    public static var usage: String {
        var text = """
            stack-exporter serves PostgreSQL, Redis and container metrics to Prometheus.

            usage: stack-exporter [command] [flags]

            Commands:

            """
        for command in allCases {
            text += "  \(pad(command.rawValue, to: 10))\(command.summary)\n"
        }
        text += "\nFlags, each with its variable in the environment:\n"
        for option in Option.all {
            text +=
                "  \(option.usage)\n      \(option.help) (default: \(option.defaultText)) [\(option.variables.joined(separator: ", "))]\n"
        }
        text += "\nWhat to scrape, from the environment:\n"
        for source in Environment.sources {
            text += "  \(source.variables)\n      \(source.help)\n"
        }
        return text
    }

    private static func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}

extension Environment {
    /// The variables that name what to scrape, for help and docs/settings.md.
    static let sources: [(variables: String, help: String)] = [
        ("DATA_SOURCE_NAME", "PostgreSQL as a URI or key=value pairs; several, with commas before each postgresql://"),
        (
            "DATA_SOURCE_URI, DATA_SOURCE_USER, DATA_SOURCE_PASS",
            "PostgreSQL as host:port/database?options, with user and password apart"
        ),
        (
            "DATABASE_URL",
            "PostgreSQL, where none of the above is set; the application's own: postgresql+driver:// and foreign parameters are understood"
        ),
        (
            "PGHOST, PGUSER, PGPASSWORD, PGPASSFILE, ...",
            "PostgreSQL by libpq's own variables, where none of the above is set"
        ),
        (
            "PGBOUNCER_EXPORTER_CONNECTION_STRING or PGBOUNCER_URL",
            "PgBouncer as a URI or key=value pairs, with a user of its stats_users; several, with commas as above"
        ),
        (
            "REDIS_ADDR or REDIS_URL",
            "Redis as host:port, redis://, rediss:// (TLS), valkey://, redis+sentinel:// or unix:///path; several, with commas between"
        ),
        (
            "REDIS_USER, REDIS_PASSWORD",
            "Redis login, where the address has none; REDIS_PASSWORD_FILE may also be redis_exporter's JSON map of addresses to passwords"
        ),
        (
            "..._FILE",
            "Any of DATA_SOURCE_NAME, _URI, _USER, _PASS, DATABASE_URL, those of PgBouncer and REDIS_PASSWORD from a file; "
                + "passwords are read again at every connect"
        ),
    ]
}
