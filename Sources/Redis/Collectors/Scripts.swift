import Exposition
import Scraping

/// What Lua scripts of the user's own reply: names and numbers by turns.
///
/// A script is called without keys and with one argument, `0`.
struct ScriptsCollector: RedisCollector {
    let name = "redis_scripts"

    var metrics: [CatalogueEntry] { [Self.outcome, Self.values] }

    private static let outcome = CatalogueEntry(
        "redis_script_result", .gauge,
        "How a script ended: 0 with an error or with something that is no number, 1 with values, 2 with nothing",
        labels: ["filename"], source: "EVAL or EVAL_RO")
    private static let values = CatalogueEntry(
        "redis_script_values", .gauge, "A number that a script replied, by the name that it gave it",
        labels: ["key", "filename"], source: "EVAL or EVAL_RO")

    let readsWhatWasNamed = true
    private let scripts: [(fileName: String, command: RedisCommand)]
    private let isReadOnly: Bool

    init(_ settings: RedisSettings) {
        let isReadOnly = settings.options.runsScriptsReadOnly
        self.isReadOnly = isReadOnly
        // Never optional: a script that failed once may succeed the next time.
        scripts = settings.options.scripts.map { script in
            let command = RedisCommand(
                isReadOnly ? "EVAL_RO" : "EVAL", script.text, 0, 0, database: settings.database)
            return (script.fileName, command)
        }
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        server.isSentinel || scripts.isEmpty ? [] : [.info]
    }

    /// A trip later than the rest, so that a script that takes its time does not keep it waiting.
    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        canRun(on: server) ? scripts.map(\.command) : []
    }

    /// What the scripts themselves do is not known: they need a right for every command that they call.
    func rights(_ server: RedisFacts) -> RedisRights {
        server.isSentinel || !canRun(on: server) ? RedisRights() : RedisRights(of: scripts.map(\.command))
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        guard canRun(on: server) else {
            return CollectorResult(
                error: CollectorError(.unsupportedVersion, "scripts run read-only since Redis 7.0 (EVAL_RO)"))
        }
        var result = CollectorResult()
        for (fileName, command) in scripts {
            var part = outcome(of: replies, to: command, fileName)
            part.error = part.error.map { $0.at("script \(fileName)") }
            result.add(part)
        }
        return result
    }

    /// `EVAL` could write what the user wants only read, so it does not stand in for `EVAL_RO`.
    private func canRun(on server: RedisFacts) -> Bool { !isReadOnly || server.isRedis(7) }

    private func outcome(of replies: RedisReplies, to command: RedisCommand, _ fileName: String) -> CollectorResult {
        let elements: [RedisReply]
        do throws(CollectorError) {
            elements = try replies.array(command)
        } catch {
            // Where there was no reply at all, the script may well have succeeded.
            guard replies.has(command) else { return CollectorResult(error: error) }
            return CollectorResult(families: [outcome(0, fileName)], error: error)
        }
        guard !elements.isEmpty else { return CollectorResult(families: [outcome(2, fileName)]) }
        let fields = RedisReply.array(elements).fields
        var values = MetricFamily(Self.values.descriptor)
        for (key, value) in fields.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            guard let number = value.number else { continue }
            values.append(number, ["key": String(decoding: key, as: UTF8.self), "filename": fileName])
        }
        guard elements.count.isMultiple(of: 2), values.samples.count == fields.count, !fields.isEmpty else {
            let error = CollectorError(.internal, "the reply is not names and numbers by turns")
            return CollectorResult(families: [outcome(0, fileName), values], error: error)
        }
        return CollectorResult(families: [outcome(1, fileName), values])
    }

    private func outcome(_ value: Double, _ fileName: String) -> MetricFamily {
        MetricFamily(Self.outcome.descriptor, value, ["filename": fileName])
    }
}
