import Logging

/// What the log says of one target's failures: each when it begins, when it has gone on for another hour, and when it
/// changes or ends, then with how often and for how long it was there.
struct FailureLog {
    /// A message, and its fields but for the target's name.
    struct Line {
        let level: Logger.Level
        let text: String
        var fields: Logger.Metadata = [:]
    }

    private struct Failure {
        let reason: FailureReason
        let start: ContinuousClock.Instant
        var reminder: ContinuousClock.Instant
        var count = 0

        func summary(at now: ContinuousClock.Instant) -> Logger.Metadata {
            ["failures": "\(count)", "for": "\(FailureLog.words(for: start.duration(to: now)))"]
        }
    }

    /// By the collector's name, which is empty for the target as a whole.
    private var failures: [String: Failure] = [:]

    /// How often it says that something goes on failing.
    private static let reminderInterval = Duration.seconds(3600)

    /// Takes in how a scrape went.
    ///
    /// - Returns: What is new of it.
    mutating func take(_ outcome: ScrapeOutcome, at now: ContinuousClock.Instant = .now) -> [Line] {
        var failing: [String: (error: CollectorError, level: Logger.Level)] = [:]
        if !outcome.isUp, let error = outcome.error {
            failing[""] = (error, .warning)
        } else {
            for collector in outcome.collectors { failing[collector.name] = collector.error.map { ($0, .warning) } }
            for omission in outcome.omissions { failing[omission.name] = (omission.reason, .info) }
        }
        var lines: [Line] = []
        for (name, (error, level)) in failing.sorted(by: { $0.key < $1.key }) {
            if let line = note(error, of: name, level, at: now) { lines.append(line) }
        }
        // While the target is down, nobody knows what becomes of its collectors.
        guard failing[""] == nil else { return lines }
        for name in failures.keys.sorted() where failing[name] == nil {
            guard let ended = failures.removeValue(forKey: name) else { continue }
            let fields = ended.summary(at: now).merging(Self.collector(name)) { $1 }
            lines.append(Line(level: .info, text: "collecting again", fields: fields))
        }
        return lines
    }

    private mutating func note(
        _ error: CollectorError, of name: String, _ level: Logger.Level, at now: ContinuousClock.Instant
    ) -> Line? {
        let before = failures[name]
        let isSame = before?.reason == error.reason
        var failure =
            isSame ? before : Failure(reason: error.reason, start: now, reminder: now + Self.reminderInterval)
        failure?.count += 1
        // What is only left out is there to be known, and not to be mended in a hurry.
        let isDue = level == .warning && now >= failure?.reminder ?? now
        if isDue { failure?.reminder = now + Self.reminderInterval }
        failures[name] = failure
        guard !isSame || isDue else { return nil }
        var line = Line(level: level, text: error.detail, fields: Self.collector(name))
        line.fields["reason"] = "\(error.reason.rawValue)"
        if isSame {
            line.fields.merge(failure?.summary(at: now) ?? [:]) { $1 }
        } else if let before {
            line.fields.merge(before.summary(at: now)) { $1 }
            line.fields["before"] = "\(before.reason.rawValue)"
        }
        return line
    }

    private static func collector(_ name: String) -> Logger.Metadata {
        name.isEmpty ? [:] : ["collector": "\(name)"]
    }

    /// `4m15s`, as Go writes it; in seconds below a minute.
    static func words(for duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
        return parts.drop { $0.0 == 0 && $0.1 != "s" }.map { "\($0.0)\($0.1)" }.joined()
    }
}
