import Exposition
import Scraping

/// Calls and time by command, and errors by kind.
enum InfoCommands {
    private static let calls = CatalogueEntry(
        "redis_commands_total", .counter, "Calls of the command", labels: ["cmd"], source: "INFO cmdstat_<cmd>: calls")
    private static let duration = CatalogueEntry(
        "redis_commands_duration_seconds_total", .counter, "Seconds of CPU that calls of the command took",
        labels: ["cmd"], source: "INFO cmdstat_<cmd>: usec")
    private static let rejected = CatalogueEntry(
        "redis_commands_rejected_calls_total", .counter,
        "Calls refused before they ran: no permission, wrong arguments", labels: ["cmd"],
        source: "INFO cmdstat_<cmd>: rejected_calls", versions: "Redis 6.2+")
    private static let failed = CatalogueEntry(
        "redis_commands_failed_calls_total", .counter, "Calls that ran and ended with an error", labels: ["cmd"],
        source: "INFO cmdstat_<cmd>: failed_calls", versions: "Redis 6.2+")
    private static let percentiles = CatalogueEntry(
        "redis_latency_percentiles_usec", .summary,
        "Microseconds that calls of the command took since its first; the quantile is in percent", labels: ["cmd"],
        source: "INFO latency_percentiles_usec_<cmd>", versions: "Redis 7.0+")
    private static let errors = CatalogueEntry(
        "redis_errors_total", .counter, "Errors that the server answered with, by their first word", labels: ["err"],
        source: "INFO errorstat_<err>: count", versions: "Redis 6.2+")

    static let metrics = [calls, duration, rejected, failed, percentiles, errors]

    static func families(_ info: Info) -> [MetricFamily] {
        var calls = MetricFamily(calls.descriptor)
        var duration = MetricFamily(duration.descriptor)
        var rejected = MetricFamily(rejected.descriptor)
        var failed = MetricFamily(failed.descriptor)
        var percentiles = MetricFamily(percentiles.descriptor)
        var errors = MetricFamily(errors.descriptor)
        var totals: [Info.Text: (labels: Labels, calls: Double, microseconds: Double)] = [:]
        for line in info.lines {
            if let command = line.field.after("cmdstat_") {
                guard let count = line.value.number(of: "calls"), let microseconds = line.value.number(of: "usec")
                else { continue }
                let labels: Labels = ["cmd": command.text]
                totals[command] = (labels, count, microseconds)
                calls.append(count, labels)
                duration.append(microseconds / 1e6, labels)
                if let count = line.value.number(of: "rejected_calls") { rejected.append(count, labels) }
                if let count = line.value.number(of: "failed_calls") { failed.append(count, labels) }
            } else if let command = line.field.after("latency_percentiles_usec_") {
                // The server gives quantiles alone; count and sum are those of the command, which come before.
                guard let total = totals[command], let count = UInt64(exactly: total.calls) else { continue }
                let quantiles = quantiles(line.value)
                percentiles.append(
                    Summary(quantiles: quantiles, count: count, sum: total.microseconds), total.labels)
            } else if let error = line.field.after("errorstat_"), let count = line.value.number(of: "count") {
                errors.append(count, ["err": error.text])
            }
        }
        return [calls, duration, rejected, failed, percentiles, errors]
    }

    /// Of `p50=1.003,p99=2.007`.
    private static func quantiles(_ text: Info.Text) -> [Summary.Quantile] {
        text.split(separator: UInt8(ascii: ",")).compactMap { pair in
            guard let text = pair.after("p"), let equals = text.firstIndex(of: UInt8(ascii: "=")),
                let rank = text[..<equals].number, let value = text[(equals + 1)...].number
            else { return nil }
            return Summary.Quantile(rank: rank, value: value)
        }
    }
}
