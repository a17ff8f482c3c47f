import Scraping

/// What a message in a list of kombu's tells of its own age. Nothing else of it is looked at; the task's arguments are in
/// its body, which stays as it is.
struct CeleryMessage {
    /// The task's.
    let id: String?
    /// When it was sent, in seconds since 1970, where its sender says so. Celery itself does not.
    let sent: Double?
    /// Before which time, in seconds since 1970, it is not to be run: it waits for its time till then, and for nobody.
    let eta: Double?

    /// - Parameters:
    ///   - payload: As kombu writes it: JSON with `headers` and `properties`.
    ///   - timestampHeaders: Names of headers, or else properties, that may say when it was sent; the first that does counts.
    ///   - now: A time a day later than this is no time of sending, but a number of some other kind.
    init?(_ payload: [UInt8], timestampHeaders: [String], now: Double) {
        guard let message = JSONText(payload), let headers = message["headers"] else { return nil }
        id = headers["id"]?.string
        eta = headers["eta"]?.stringBytes.flatMap { TimeText.secondsSince1970($0[...]) }
        let places = [headers, message["properties"]].compactMap { $0 }
        sent = places.lazy
            .flatMap { place in timestampHeaders.lazy.compactMap { place[$0].flatMap(Self.time) } }
            .first { $0 > 0 && $0 < now + 86_400 }
    }

    private static func time(_ value: JSONText) -> Double? {
        guard let text = value.stringBytes else { return value.number.map(seconds) }
        return TimeText.secondsSince1970(text[...]) ?? text[...].number.map(seconds)
    }

    /// A number so large is in milliseconds, as JavaScript counts them.
    private static func seconds(_ number: Double) -> Double {
        number > 1e12 ? number / 1000 : number
    }
}
