import NIOCore
import Scraping

/// Cuts what a server sends to a subscriber into messages, in RESP2.
///
/// A message beyond the limit is passed over as it comes, however long it is, and the next one is read: that is why this is
/// not hiredis, which has all of a reply in memory.
struct SubscriptionReader {
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

    /// The most bytes of a message, and of everything that stands before it.
    private let limit: Int
    private var buffer = ByteBuffer()
    /// How many bytes of an oversized message are still to come.
    private var passedOver = 0

    private static let maximumHead = 4096
    private static let maximumElements = 8

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes bytes in; ``next()`` then gives what is complete.
    mutating func feed(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next frame; `nil` until more bytes have come.
    ///
    /// - Throws: `internal`, where the bytes are nothing that a subscriber gets. The reader is of no use after that.
    mutating func next() throws(CollectorError) -> Frame? {
        if passedOver > 0 {
            let count = min(passedOver, buffer.readableBytes)
            buffer.moveReaderIndex(forwardBy: count)
            passedOver -= count
            return passedOver == 0 ? .oversized : nil
        }
        var cursor = buffer.readerIndex
        guard let head = try line(at: &cursor) else { return nil }
        switch head.type {
        case UInt8(ascii: "*"): break
        case UInt8(ascii: "-"):
            defer { buffer.moveReaderIndex(to: cursor) }
            return .error(bytes(head.text))
        case UInt8(ascii: "+"), UInt8(ascii: ":"):
            buffer.moveReaderIndex(to: cursor)
            return .other
        default: throw Self.nonsense
        }
        guard let count = number(head.text), 1...Self.maximumElements ~= count else { throw Self.nonsense }
        var parts: [Range<Int>] = []
        for index in 0..<count {
            guard let line = try line(at: &cursor) else { return nil }
            guard line.type == UInt8(ascii: "$") else {
                guard line.type == UInt8(ascii: ":") else { throw Self.nonsense }
                parts.append(line.text)
                continue
            }
            guard let length = number(line.text), -1...(1 << 40) ~= length else { throw Self.nonsense }
            guard length <= limit else {
                guard index == count - 1 else { throw Self.nonsense }
                buffer.moveReaderIndex(to: cursor)
                passedOver = length + 2
                return try next()
            }
            // The end of the line behind it; a null has none.
            let end = length < 0 ? cursor : cursor + length + 2
            guard end <= buffer.writerIndex else { return nil }
            parts.append(cursor..<(cursor + max(length, 0)))
            cursor = end
        }
        defer { buffer.moveReaderIndex(to: cursor) }
        let kind = String(decoding: buffer.viewOfBytes(parts[0]), as: UTF8.self)
        switch (kind, count) {
        case ("pmessage", 4), ("message", 3): return .message(bytes(parts[count - 1]))
        case ("psubscribe", _), ("subscribe", _): return .subscribed
        default: return .other
        }
    }

    /// A line's first byte and the text behind it; `nil` where its end has not come.
    private func line(at cursor: inout Int) throws(CollectorError) -> (type: UInt8, text: Range<Int>)? {
        let rest = buffer.viewOfBytes(cursor..<buffer.writerIndex)
        guard let end = rest.prefix(Self.maximumHead).firstIndex(of: UInt8(ascii: "\n")) else {
            if rest.count >= Self.maximumHead { throw Self.nonsense }
            return nil
        }
        guard end - cursor >= 2, rest[end - 1] == UInt8(ascii: "\r") else { throw Self.nonsense }
        defer { cursor = end + 1 }
        return (rest[cursor], (cursor + 1)..<(end - 1))
    }

    private func number(_ range: Range<Int>) -> Int? {
        Int(String(decoding: buffer.viewOfBytes(range), as: UTF8.self))
    }

    private func bytes(_ range: Range<Int>) -> [UInt8] {
        Array(buffer.viewOfBytes(range))
    }

    private static let nonsense = CollectorError(.internal, "the server sent something that no subscriber gets")
}

extension ByteBuffer {
    /// Bytes by their indices, of which none may be outside of what can be read.
    fileprivate func viewOfBytes(_ range: Range<Int>) -> ByteBufferView {
        viewBytes(at: range.lowerBound, length: range.count) ?? ByteBufferView()
    }
}
