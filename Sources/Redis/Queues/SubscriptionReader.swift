import NIOCore
import Scraping

/// Cuts what a server sends to a subscriber into messages, in RESP2.
struct SubscriptionReader: ~Copyable {
    enum Frame: Equatable {
        /// What somebody published.
        case message([UInt8])
        /// The same, of more bytes than are taken.
        case oversized
        /// The channels are subscribed to.
        case subscribed
        /// The server's refusal.
        case error([UInt8])
        /// The answer to `PING`, and whatever else says only that the server is there.
        case other
    }

    private var reader: ReplyReader

    /// - Parameter limit: The most bytes of a message.
    /// - Throws: `internal`, where there is no memory left.
    init(limit: Int) throws(CollectorError) {
        reader = try ReplyReader(limit: ReplyLimit(longestValue: limit, longestPipeline: .max))
    }

    /// Takes bytes in; ``next()`` then gives what is complete.
    ///
    /// - Throws: `internal`, where they are beyond the limits.
    mutating func feed(_ bytes: ByteBuffer) throws(CollectorError) {
        reader.beginPipeline()
        try reader.feed(bytes)
    }

    /// The next frame; `nil` until more bytes have come.
    ///
    /// - Throws: `internal`, where the bytes are no reply. The reader is of no use after that.
    mutating func next() throws(CollectorError) -> Frame? {
        switch try reader.next() {
        case nil: return nil
        case .error(let text): return .error(text)
        case .array(let parts):
            switch (parts.first?.text.map { $0[...].text }, parts.count, parts.last) {
            case ("pmessage", 4, .string(let payload)), ("message", 3, .string(let payload)): return .message(payload)
            case ("pmessage", 4, .error), ("message", 3, .error): return .oversized
            case ("psubscribe", _, _), ("subscribe", _, _): return .subscribed
            default: return .other
            }
        default: return .other
        }
    }
}
