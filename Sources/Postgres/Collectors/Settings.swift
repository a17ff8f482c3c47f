import Exposition
import Scraping

/// The server's parameters that are numbers or switches, as `pg_settings_<name>` in seconds, bytes, or as they are.
struct Settings: PostgresCollector {
    let name = "settings"

    var metrics: [CatalogueEntry] {
        let help = "The parameter <name>: 1 and 0 for on and off, times in seconds, sizes in bytes, -1 as it is."
        return ["", "_seconds", "_bytes"].map { suffix in
            CatalogueEntry(MetricDescriptor("pg_settings_<name>\(suffix)", .gauge, help), source: "pg_settings")
        }
    }

    func statement(for server: ServerFacts) -> String? {
        // What our own session has set is not what the server is set to, and a read-only session says nothing of the
        // server: that is read only on a standby, or by default. Two parameters of hosted variants hold what is no setting.
        """
        SELECT name, CASE WHEN name = 'transaction_read_only' THEN CASE WHEN pg_is_in_recovery() THEN 'on' \
        ELSE max(reset_val) FILTER (WHERE name = 'default_transaction_read_only') OVER () END \
        WHEN source = 'session' THEN reset_val ELSE setting END AS setting, unit, short_desc, vartype \
        FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real') \
        AND name NOT IN ('sync_commit_cancel_wait', 'google_dataplex.max_messages') ORDER BY name
        """
    }

    func families(from rows: borrowing QueryResult, server: ServerFacts) throws(CollectorError) -> [MetricFamily] {
        guard rows.columnCount == 5 else { throw CollectorError(.internal, "pg_settings has other columns") }
        var families: [MetricFamily] = []
        for row in 0..<rows.rowCount {
            guard let name = rows.text(row, 0), let setting = rows.text(row, 1), let kind = rows.text(row, 4) else {
                continue
            }
            let family = Self.family(
                name: name, setting: setting, unit: rows.text(row, 2), description: rows.text(row, 3) ?? "", kind: kind)
            if let family { families.append(family) }
        }
        return families
    }

    /// One parameter as a family; `nil` for a value that is no number and for a unit that is not known.
    static func family(name: String, setting: String, unit: String?, description: String, kind: String) -> MetricFamily?
    {
        var metric = "pg_settings_"
        metric += name.map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
        if kind == "bool" {
            return MetricFamily(MetricDescriptor(metric, .gauge, description), setting == "on" ? 1 : 0)
        }
        // Some hosted variants repeat the unit behind the value.
        var digits = setting[...]
        if let unit, digits.hasSuffix(unit) { digits = digits.dropLast(unit.count) }
        while digits.last == " " { digits.removeLast() }
        guard let value = Double(digits), value.isFinite else { return nil }
        guard let unit, !unit.isEmpty else { return MetricFamily(MetricDescriptor(metric, .gauge, description), value) }
        guard let (base, factor, divisor) = scale(of: unit) else { return nil }
        // -1 is no quantity but says "off" or "default".
        return MetricFamily(
            MetricDescriptor("\(metric)_\(base.rawValue)", .gauge, description),
            value == -1 ? -1 : value * factor / divisor)
    }

    private static let secondsPerUnit = ["s": 1.0, "min": 60, "h": 3600, "d": 86_400]
    /// Divided by, not multiplied with a fraction, so that 700 ms is 0.7 s and not 0.7000000000000001 s.
    private static let unitsPerSecond = ["us": 1e6, "ms": 1e3]
    private static let bytesPerUnit = [
        "B": 1.0, "kB": 1024, "MB": 1_048_576, "GB": 1_073_741_824, "TB": 1_099_511_627_776,
    ]

    /// What `ms` or `8kB` (a number, if there is one, and a unit of time or memory) is multiplied with and divided by.
    private static func scale(of unit: String) -> (MetricUnit, factor: Double, divisor: Double)? {
        let digits = unit.prefix { $0.isNumber }
        let count = digits.isEmpty ? 1 : Double(digits)
        let symbol = String(unit.dropFirst(digits.count))
        guard let count else { return nil }
        if let seconds = secondsPerUnit[symbol] { return (.seconds, count * seconds, 1) }
        if let units = unitsPerSecond[symbol] { return (.seconds, count, units) }
        if let bytes = bytesPerUnit[symbol] { return (.bytes, count * bytes, 1) }
        return nil
    }
}
