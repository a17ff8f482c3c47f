import Configuration
import Exposition
import Glibc
import Logging

/// Writes each message as one line to standard error: `time=... level=info msg="..." target=postgres`, or the same as JSON.
struct LineLogHandler: LogHandler {
    let format: LogFormat
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(format: LogFormat) {
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let own = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields =
            [
                ("time", Self.time()), ("level", event.level == .warning ? "warn" : event.level.rawValue),
                ("msg", event.message.description),
            ] + own.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        // One call a line, so that lines of several threads do not mix.
        write(Array((Self.line(fields, as: format) + "\n").utf8), to: STDERR_FILENO)
    }

    static func line(_ fields: [(key: String, value: String)], as format: LogFormat) -> String {
        switch format {
        case .logfmt:
            fields.map { field in
                let isPlain =
                    !field.value.isEmpty
                    && field.value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d && $0 < 0x7f }
                return "\(field.key)=\(isPlain ? field.value : field.value.quotedAsJSON)"
            }.joined(separator: " ")
        case .json:
            "{\(fields.map { "\($0.key.quotedAsJSON):\($0.value.quotedAsJSON)" }.joined(separator: ","))}"
        }
    }

    /// Now in UTC to the millisecond: `2026-11-21T05:03:22.123Z`.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func digits(_ value: some BinaryInteger, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(parts.tm_year + 1900)-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let time = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return "\(date)T\(time).\(digits(now.tv_nsec / 1_000_000, 3))Z"
    }
}
