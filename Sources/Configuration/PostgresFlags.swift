import Postgres
import Scraping

/// What is collected of PostgreSQL.
extension Option {
    static let postgres: [Option] = [
        Option(
            "collector.stat_statements.limit", "COUNT", default: "100",
            "How many statements of each server stand by themselves, those with the most time first"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.statements.limit = try count(value)
        },
        Option(
            "collector.stat_statements.include_query", nil, default: "off",
            "Whether the normalised texts of statements are shown"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.statements.includesText = try isOn(value)
        },
        Option(
            "collector.stat_statements.query_length", "COUNT", default: "120",
            "How many characters of a statement's text are shown"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.statements.textLength = try count(value)
        },
        .several(
            "collector.stat_statements.exclude_databases", "NAMES", default: "none",
            "Databases whose statements are left out, with commas between"
        ) {
            settings, names throws(Expected) in
            settings.postgresOptions.statements.excludedDatabases = list(names)
        },
        .several(
            "collector.stat_statements.exclude_users", "NAMES", default: "none",
            "Roles whose statements are left out, with commas between"
        ) {
            settings, names throws(Expected) in
            settings.postgresOptions.statements.excludedUsers = list(names)
        },
        Option(
            "collector.stat_statements.interval-limit", "COUNT", default: "20",
            "How many statements stand by themselves with what they did between two scrapes"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.statements.intervalLimit = try count(value)
        },
        Option(
            "collector.stat_statements.shortest-interval", "DURATION", default: "10s",
            "How far two scrapes must be apart for the statements between them to be told anew"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.statements.shortestInterval = try duration(value, orZero: true)
        },
        .several(
            "collector.stat_statements.slow-thresholds", "SECONDS", default: "0.1,0.5,1",
            "From which mean execution times on a statement counts as slow, with commas between"
        ) {
            settings, values throws(Expected) in
            settings.postgresOptions.statements.slowThresholds = try risingNumbers(values)
        },
        .several(
            "postgres.databases.include", "PATTERNS", default: "all",
            "Regular expressions for whole names of databases to look into, with commas between",
            addsUp: true
        ) {
            settings, values throws(Expected) in
            settings.postgresOptions.databases.included += try patterns(values)
        },
        .several(
            "postgres.databases.exclude", "PATTERNS", default: "none",
            "Regular expressions for whole names of databases to leave out, with commas between",
            addsUp: true
        ) {
            settings, values throws(Expected) in
            settings.postgresOptions.databases.excluded += try patterns(values)
        },
        Option(
            "postgres.databases.max", "COUNT", default: "all",
            "How many databases of a server are looked into: the connection's own, then the first by name",
            \.postgresOptions.databaseLimit
        ) { value throws(Expected) in try count(value) },
        Option(
            "postgres.relations.limit", "COUNT", default: "500",
            "How many tables and indexes of the connection's database, and as many of all others together, stand by themselves; the rest is added up"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.relations.limit = try count(value)
        },
        .several(
            "postgres.relations.include", "PATTERNS", default: "all",
            "Regular expressions for whole schema.name of tables and indexes to show, with commas between",
            addsUp: true
        ) {
            settings, values throws(Expected) in
            settings.postgresOptions.relations.names.included += try patterns(values)
        },
        .several(
            "postgres.relations.exclude", "PATTERNS", default: "none",
            "Regular expressions for whole schema.name of tables and indexes to leave out, with commas between",
            addsUp: true
        ) {
            settings, values throws(Expected) in
            settings.postgresOptions.relations.names.excluded += try patterns(values)
        },
        Option(
            "postgres.slow-interval", "DURATION", default: "5m",
            "How old facts may get that are dear to find: sizes, bloat, the texts of statements"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.slowInterval = try duration(value)
        },
        .several(
            "extend.query-path", "FILES", default: "none",
            "User-defined queries, in postgres_exporter's format; several files with commas between",
            otherVariables: ["PG_EXPORTER_EXTEND_QUERY_PATH"]
        ) {
            settings, paths throws(Expected) in
            settings.queriesFiles = list(paths)
        },
        Option(
            "config.file", "FILE",
            default: "/etc/stack-exporter/config.yml, else postgres_exporter.yml, where there is one",
            "The servers to scrape, each with settings of its own, and all that flags say, in YAML; postgres_exporter's is one"
        ) {
            settings, value throws(Expected) in
            settings.configurationFile = value
        },
        Option(
            "postgres.probe.allow", "PATTERN", default: "none",
            "A regular expression for the whole host:port of servers that /probe may be asked for by their address"
        ) {
            settings, value throws(Expected) in
            settings.probedAddresses = try regularExpression(value)
        },
        Option(
            "compat.legacy-names", nil, default: "off",
            "Whether families also appear under the names that older releases of postgres_exporter gave them"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.hasLegacyNames = try isOn(value)
        },
        Option(
            "metric-prefix", "NAME", default: "pg", "What PostgreSQL's families begin with in place of pg",
            otherVariables: ["PG_EXPORTER_METRIC_PREFIX"]
        ) {
            settings, value throws(Expected) in
            guard isLegalName(value) else { throw Expected("letters, digits and _, and no digit first") }
            settings.postgresOptions.metricPrefix = value
        },
        .several(
            "constantLabels", "LABELS", default: "none",
            "Labels that all samples of PostgreSQL get: name=value, with commas between",
            otherVariables: ["PG_EXPORTER_CONSTANT_LABELS"]
        ) {
            settings, pairs throws(Expected) in
            settings.postgresOptions.constantLabels = try labels(pairs)
        },
        Option(
            "wrap-large-counters", nil, default: "on",
            "Whether PostgreSQL's counters start again from 0 at 2^53, beyond which a float loses single steps",
            otherVariables: ["PG_EXPORTER_WRAP_LARGE_COUNTERS"]
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.wrapsLargeCounters = try isOn(value)
        },
    ]

    /// Regular expressions as they are: they go to PostgreSQL one by one.
    private static func patterns(_ values: [String]) throws(Expected) -> [String] {
        let patterns = list(values)
        guard patterns.allSatisfy({ RegularExpression($0) != nil }) else {
            throw Expected("regular expressions with commas between, and no comma within one")
        }
        return patterns
    }

    private static func labels(_ pairs: [String]) throws(Expected) -> [PostgresOptions.ConstantLabel] {
        let expected = Expected("name=value pairs with commas between, each name once and legal for Prometheus")
        var labels: [PostgresOptions.ConstantLabel] = []
        for pair in list(pairs) {
            guard let equals = pair.firstIndex(of: "=") else { throw expected }
            let name = trimmed(pair[..<equals])
            guard isLegalName(name), !name.hasPrefix("__"), !labels.contains(where: { $0.name == name }) else {
                throw expected
            }
            labels.append(.init(name: name, value: trimmed(pair[equals...].dropFirst())))
        }
        return labels
    }

    /// Whether it is the name of a label, or could begin that of a metric.
    static func isLegalName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.unicodeScalars.allSatisfy {
            $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "_")
        }
    }
}
