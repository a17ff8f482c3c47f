public import Scraping

/// What is collected of a PostgreSQL server, and how much of it.
public struct PostgresOptions: Sendable, Equatable {
    /// Which collectors run.
    public var collectors = CollectorSelection()
    /// Which databases the collectors of single databases run in.
    public var databases = NameFilter()
    /// How many of them at most: the connection's own, then the first by name; `nil` for all.
    public var databaseLimit: Int?
    /// Which tables and indexes are shown one by one.
    public var relations = Relations()
    /// What is shown of `pg_stat_statements`.
    public var statements = Statements()
    /// Statements that somebody else wrote, a collector each.
    public var customQueries: [CustomQuery] = []
    /// The files that they were read from.
    public var customQuerySources: [CustomQuerySource] = []
    /// Whether they are asked in all databases and not only in the one that the connection string names, except for those
    /// that are ``CustomQuery/isForOneDatabase``.
    public var customQueriesInAllDatabases = false
    /// How old facts may get that are dear to find: sizes, bloat, the texts of statements.
    public var slowInterval = Duration.seconds(300)
    /// Whether families also appear under the names that older releases of postgres_exporter gave them.
    public var hasLegacyNames = false
    /// What every family's name begins with in place of `pg`.
    public var metricPrefix = "pg"
    /// Labels that every sample of the server gets.
    public var constantLabels: [ConstantLabel] = []
    /// Whether counters start again from 0 at 2^53, beyond which a float loses single steps.
    public var wrapsLargeCounters = true

    /// What holds where nothing is configured.
    public init() {}

    /// A label that every sample gets.
    public struct ConstantLabel: Sendable, Equatable {
        /// Legal for Prometheus.
        public let name: String
        /// Any text.
        public let value: String

        /// A label by its name.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Regular expressions of PostgreSQL's for whole names; a name is admitted where it matches one that includes, or
    /// there is none, and none that excludes.
    public struct NameFilter: Sendable, Equatable {
        /// Empty for every name.
        public var included: [String] = []
        /// Empty for none.
        public var excluded: [String] = []

        /// Admits every name.
        public init(included: [String] = [], excluded: [String] = []) {
            self.included = included
            self.excluded = excluded
        }

        /// The condition as SQL, always true where nothing is said.
        ///
        /// - Parameter name: An expression of type `text` or `name`.
        func condition(on name: String) -> String {
            func matches(_ patterns: [String]) -> String {
                "\(name)::text ~ \(sqlLiteral("^(?:\(patterns.joined(separator: "|")))$"))"
            }
            var conditions: [String] = []
            if !included.isEmpty { conditions.append(matches(included)) }
            if !excluded.isEmpty { conditions.append("NOT \(matches(excluded))") }
            return conditions.isEmpty ? "true" : conditions.joined(separator: " AND ")
        }
    }

    /// Bounds on tables and indexes.
    public struct Relations: Sendable, Equatable {
        /// How many of the connection's own database stand by themselves, the largest first, and how many of all others
        /// together; the rest of each database is added up.
        public var limit = 500
        /// By `schema.name`.
        public var names = NameFilter()

        /// What holds where nothing is configured.
        public init() {}
    }

    /// Bounds on statements.
    public struct Statements: Sendable, Equatable {
        /// How many stand by themselves.
        public var limit = 100
        /// Whether their normalised text is shown.
        public var includesText = false
        /// How many characters of it.
        public var textLength = 120
        /// Names of databases whose statements are left out.
        public var excludedDatabases: [String] = []
        /// Names of roles whose statements are left out.
        public var excludedUsers: [String] = []
        /// What makes a statement slow: mean execution times in seconds, rising.
        public var slowThresholds = [0.1, 0.5, 1]
        /// How many stand by themselves among those that took the most time since the scrape before; a statement stays a
        /// while, so that up to thrice as many are shown.
        public var intervalLimit = 20
        /// The shortest time between two reads that is an interval; until then scrapes see the interval before. Where
        /// several servers scrape, more than half of the time between scrapes and less than all of it makes all of them
        /// see the same intervals; with less, each sees the part of the time between the other's scrape and its own.
        public var shortestInterval = Duration.seconds(10)

        /// What holds where nothing is configured.
        public init() {}
    }
}

/// Text as a string constant of SQL, whatever is in it and however the server reads backslashes.
func sqlLiteral(_ text: String) -> String {
    let quoted = text.replacing("'", with: "''")
    return quoted.contains("\\") ? "E'\(quoted.replacing("\\", with: "\\\\"))'" : "'\(quoted)'"
}

/// A name as SQL has it, whatever is in it.
func sqlIdentifier(_ name: String) -> String {
    "\"\(name.replacing("\"", with: "\"\""))\""
}
