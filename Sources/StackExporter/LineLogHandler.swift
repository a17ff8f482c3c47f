import Configuration
import Exposition
import Glibc
import Logging
import Scraping
import Synchronization

/// Where all log messages go, and how, which may change at run time.
final class LogOutput: Sendable {
    private let settings: Mutex<(format: LogFormat, level: Logger.Level)>

    init(_ settings: Settings) {
        self.settings = Mutex((settings.logFormat, settings.logLevel))
    }

    var format: LogFormat { settings.withLock { $0.format } }

    /// The least severe messages that are written.
    var level: Logger.Level {
        get { settings.withLock { $0.level } }
        set { settings.withLock { $0.level = newValue } }
    }

    func change(to settings: Settings) {
        self.settings.withLock { $0 = (settings.logFormat, settings.logLevel) }
    }

    func logger() -> Logger {
        Logger(label: "stack-exporter") { _ in LineLogHandler(self) }
    }
}

/// Writes each message as one line to standard error: `time=... level=info msg="..." target=postgres`, or the same as JSON.
struct LineLogHandler: LogHandler {
    private let output: LogOutput
    var metadata: Logger.Metadata = [:]

    /// How many bytes of a message or a field are written.
    private static let valueLimit = 1024
    /// After how many bytes no further field is. A line stays below what journald cuts, however much has to be escaped.
    private static let lineLimit = 16 * 1024

    init(_ output: LogOutput) {
        self.output = output
    }

    var logLevel: Logger.Level {
        get { output.level }
        set { output.level = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let own = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields =
            [
                ("time", WallClock.utc()), ("level", event.level == .warning ? "warn" : event.level.rawValue),
                ("msg", event.message.description),
            ] + own.sorted { $0.key < $1.key }.map { ($0.key, $0.value.description) }
        // One call a line, so that lines of several threads do not mix.
        write(Array((Self.line(fields, as: output.format) + "\n").utf8), to: STDERR_FILENO)
    }

    static func line(_ fields: [(key: String, value: String)], as format: LogFormat) -> String {
        var parts: [String] = []
        var length = 0
        for (key, value) in fields where length < lineLimit {
            let value = shortened(value)
            let part =
                switch format {
                case .logfmt: "\(key)=\(isPlain(value) ? value : quoted(value))"
                case .json: "\(quoted(key)):\(quoted(value))"
                }
            parts.append(part)
            length += part.utf8.count
        }
        return format == .json ? "{\(parts.joined(separator: ","))}" : parts.joined(separator: " ")
    }

    private static func isPlain(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3d && $0 < 0x7f }
    }

    private static func shortened(_ value: String) -> String {
        guard value.utf8.count > valueLimit else { return value }
        // A character that is cut in two would become another one.
        return String(decoding: value.utf8.prefix(valueLimit), as: UTF8.self).prefix { $0 != "\u{fffd}" } + "..."
    }

    /// As JSON, with what moves a terminal's cursor or turns its text around written as its number.
    private static func quoted(_ value: String) -> String {
        var result = ""
        for scalar in value.quotedAsJSON.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
