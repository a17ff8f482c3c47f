import Postgres
import Scraping

/// Flags that are there for those who come from postgres_exporter: they say what others say too, or less.
extension Option {
    static let postgresExporter: [Option] = [
        .several(
            "exclude-databases", "NAMES", default: "none",
            "Databases to leave out by their names, with commas between",
            otherVariables: ["PG_EXPORTER_EXCLUDE_DATABASES"], addsUp: true
        ) {
            settings, names throws(Expected) in
            settings.postgresOptions.databases.excluded += list(names).map(RegularExpression.literal)
        },
        .several(
            "include-databases", "NAMES", default: "all",
            "Databases to look into by their names, with commas between",
            otherVariables: ["PG_EXPORTER_INCLUDE_DATABASES"], advice: "use --postgres.databases.include",
            addsUp: true
        ) {
            settings, names throws(Expected) in
            settings.postgresOptions.databases.included += list(names).map(RegularExpression.literal)
        },
        Option(
            "auto-discover-databases", nil, default: "off",
            "Whether user-defined queries run in every database; the collectors do so anyway",
            otherVariables: ["PG_EXPORTER_AUTO_DISCOVER_DATABASES"],
            advice: "only user-defined queries need it, collectors look into every database by themselves"
        ) {
            settings, value throws(Expected) in
            settings.postgresOptions.customQueriesInAllDatabases = try isOn(value)
        },
        Option(
            "collection-timeout", "DURATION", default: "none",
            "The longest a scrape may last, where it is less than --scrape.timeout",
            otherVariables: ["PG_EXPORTER_COLLECTION_TIMEOUT"]
        ) {
            settings, value throws(Expected) in
            settings.collectionTimeout = try duration(value)
        },
        Option(
            "disable-default-metrics", nil, default: "off",
            "Switches the collectors static and stat_database_conflicts off, unless they are switched on by name",
            otherVariables: ["PG_EXPORTER_DISABLE_DEFAULT_METRICS"]
        ) {
            settings, value throws(Expected) in
            if try isOn(value) { settings.collectors.switchOff(["static", "stat_database_conflicts"]) }
        },
        Option(
            "disable-settings-metrics", nil, default: "off",
            "Switches the collector settings off, unless it is switched on by name",
            otherVariables: ["PG_EXPORTER_DISABLE_SETTINGS_METRICS"], advice: "use --no-collector.settings"
        ) {
            settings, value throws(Expected) in
            if try isOn(value) { settings.collectors.switchOff(["settings"]) }
        },
    ]
}

extension CollectorSelection {
    /// Switches collectors off that nothing was said of.
    mutating func switchOff(_ names: [String]) {
        for name in names { choose(name, false) }
    }

    /// Switches a collector on or off, unless something was said of it by its name.
    mutating func choose(_ name: String, _ isOn: Bool) {
        chosen[name] = chosen[name] ?? isOn
    }
}
