import Exposition
public import Postgres
public import Scraping

/// Custom queries in the format of postgres_exporter's queries.yaml (`--extend.query-path`).
public struct QueriesFile: Sendable {
    /// The file and the hash of its content.
    public let source: CustomQuerySource
    /// Its queries, in the order of the file.
    public let queries: [CustomQuery]

    /// Reads files and checks all that can be checked without a server.
    ///
    /// - Parameter collectors: Those that run, whose families no query may have too.
    /// - Throws: What is wrong, in which line and column, and how to mend it.
    public static func load(
        paths: [String], collectors: CollectorSelection = CollectorSelection()
    ) throws(ConfigurationError) -> [QueriesFile] {
        guard !paths.isEmpty else { return [] }
        var names = FamilyNames(collectors)
        return try paths.map { path throws(ConfigurationError) in
            let (bytes, root) = try YAMLNode.read(path: path)
            var queries: [CustomQuery] = []
            for entry in try root?.entries() ?? [] { queries.append(try query(entry, names: &names)) }
            return QueriesFile(source: CustomQuerySource(path: path, hash: "\(SHA256(bytes))"), queries: queries)
        }
    }

    private static func query(
        _ entry: YAMLNode.Entry, names: inout FamilyNames
    ) throws(ConfigurationError) -> CustomQuery {
        let namespace = entry.key
        guard MetricDescriptor(namespace, .unknown, "").isLegal else {
            throw entry.place.error(
                "\(quoted(namespace)) cannot begin a metric's name: take letters, digits and underscores, no digit first"
            )
        }
        let fields = try entry.value.fields(
            ["query", "metrics", "master", "cache_seconds", "runonserver"], of: "a query")
        let statement = try fields.required("query")
        var query = CustomQuery(namespace: namespace, statement: try statement.string(), columns: [])
        guard CustomQuery.returnsRows(query.statement) else {
            throw statement.place.error("this returns no rows; write one statement that begins with SELECT or WITH")
        }
        query.isForOneDatabase = try fields["master"]?.bool() ?? false
        query.cacheDuration = .seconds(try fields["cache_seconds"]?.int(0...31_536_000) ?? 0)
        query.versions = try fields["runonserver"]?.versionCondition() ?? .any

        let metrics = try fields.required("metrics")
        var places: [YAMLNode.Place] = []
        for element in try metrics.list() {
            for entry in try element.entries() {
                guard !query.columns.contains(where: { $0.name == entry.key }) else {
                    throw entry.place.error(
                        "the column \(quoted(entry.key)) is listed already; take one of the two away")
                }
                query.columns.append(try column(entry))
                places.append(entry.place)
            }
        }
        guard !query.columns.isEmpty else {
            throw metrics.place.error("\(namespace) needs a column in its metrics: - column: {usage: GAUGE}")
        }
        let hasHistogram = query.columns.contains { $0.usage == .histogram }
        for (column, place) in zip(query.columns, places) {
            try check(column, of: query, at: place, hasHistogram: hasHistogram, names: &names)
        }
        return query
    }

    private static func column(_ entry: YAMLNode.Entry) throws(ConfigurationError) -> CustomQuery.Column {
        let fields = try entry.value.fields(
            ["usage", "description", "metric_mapping", "pg_version"], of: "a column")
        var column = CustomQuery.Column(
            entry.key, try fields.required("usage").choice("usage", as: CustomQuery.Usage.self))
        column.description = try fields["description"]?.string() ?? ""
        column.versions = try fields["pg_version"]?.versionCondition() ?? .any
        for entry in try fields["metric_mapping"]?.entries() ?? [] {
            column.mapping[entry.key] = try entry.value.number()
        }
        guard column.mapping.isEmpty == (column.usage != .mappedMetric) else {
            throw (fields["metric_mapping"]?.place ?? fields.place).error(
                "metric_mapping, the number for each text, belongs to the usage MAPPEDMETRIC and to no other")
        }
        return column
    }

    /// Refuses a label or a family that could not stand on the page.
    private static func check(
        _ column: CustomQuery.Column, of query: CustomQuery, at place: YAMLNode.Place, hasHistogram: Bool,
        names: inout FamilyNames
    ) throws(ConfigurationError) {
        let advice = "name the column in the query: AS another_name"
        if column.usage == .label {
            guard MetricDescriptor(column.name, .unknown, "").isLegal, !column.name.contains(":"),
                !column.name.hasPrefix("__")
            else { throw place.error("\(quoted(column.name)) cannot be a label's name; \(advice)") }
            guard column.name != "server", column.name != "le" || !hasHistogram else {
                throw place.error("all samples have a label \(column.name) of their own; \(advice)")
            }
        } else if let descriptor = query.descriptor(of: column) {
            guard descriptor.isLegal else {
                throw place.error("\(quoted(descriptor.name)) cannot be a metric's name; \(advice)")
            }
            if let problem = names.take(descriptor, for: "the query \(query.namespace)") { throw place.error(problem) }
        }
    }
}

extension YAMLNode {
    fileprivate func versionCondition() throws(ConfigurationError) -> VersionCondition {
        guard let condition = VersionCondition(try string()) else {
            throw unexpected(#"server versions such as ">=10.0.0 <15.0.0""#)
        }
        return condition
    }
}

/// Whose each name on the page is.
private struct FamilyNames {
    private var owners: [String: String] = [:]
    /// Families whose names end in what the server has: beginning, end and collector.
    private var patterns: [(prefix: Substring, suffix: Substring, collector: String)] = []

    /// The names of the collectors that run.
    init(_ collectors: CollectorSelection) {
        for collector in CollectorSelection.catalogue where collectors.isEnabled(collector) {
            for entry in collector.metrics {
                let name = entry.descriptor.name
                if let open = name.firstIndex(of: "<"), let close = name.lastIndex(of: ">") {
                    patterns.append((name[..<open], name[close...].dropFirst(), collector.name))
                } else {
                    for series in Self.series(of: entry.descriptor) { owners[series] = Self.builtIn(collector.name) }
                }
            }
        }
    }

    private static func builtIn(_ collector: String) -> String {
        "the collector \(collector), which --no-collector.\(collector) switches off"
    }

    /// Gives a family to a query.
    ///
    /// - Returns: What is wrong where the name is somebody's already.
    mutating func take(_ descriptor: MetricDescriptor, for owner: String) -> String? {
        for series in Self.series(of: descriptor) {
            let other =
                owners.updateValue(owner, forKey: series)
                ?? patterns.first { series.hasPrefix($0.prefix) && series.hasSuffix($0.suffix) }
                .map { Self.builtIn($0.collector) }
                ?? (Self.isOwn(series) ? "the exporter itself" : nil)
            if let other { return "\(series) is a metric of \(other); name the query or the column differently" }
        }
        return nil
    }

    /// What the exporter says of its own scrapes.
    private static func isOwn(_ name: String) -> Bool {
        name == "pg_up" || ["pg_exporter_", "pg_scrape_collector_", "stack_exporter_"].contains { name.hasPrefix($0) }
    }

    private static func series(of descriptor: MetricDescriptor) -> [String] {
        guard descriptor.type == .histogram else { return [descriptor.name] }
        return ["", "_bucket", "_sum", "_count"].map { descriptor.name + $0 }
    }
}
