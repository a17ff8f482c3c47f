import Scraping

/// Keeps replies within bounds before anything is made of them: a value that is too long does not come through, and in its
/// place there is an error, `TOOLONG`. The replies around it are as they were, which no other limit could do.
///
/// It follows the framing of RESP alone: lines, and values whose length is said before them.
struct ReplyLimit {
    /// The longest value: more than the list of ten thousand clients has.
    static let longestValue = 4 << 20
    /// The most bytes of all the replies to one pipeline: far beyond what servers have to say, and bearable.
    static let longestPipeline = 32 << 20
    /// A length has nineteen digits at most.
    private static let longestHeader = 24
    /// An error or a status, which are sentences.
    private static let longestLine = 64 << 10
    /// What the error in place of a value begins with.
    static let codeWord = Array("TOOLONG".utf8)
    private static let substitute = Array("-".utf8) + codeWord + Array(" the value is longer than is read\r\n".utf8)

    private enum State {
        case start
        /// Within a line that goes through as it is, of which so many bytes have.
        case line(Int)
        /// Within the line that says how long a value is, of which these bytes came before.
        case header([UInt8])
        /// So many bytes of a value are still to come.
        case value(Int)
        /// So many bytes of a value that does not go through are still to come.
        case excess(Int)
    }

    private let longestValue: Int
    private let longestPipeline: Int
    private var state = State.start
    /// What may still come through for this pipeline.
    private var budget: Int

    init(longestValue: Int = Self.longestValue, longestPipeline: Int = Self.longestPipeline) {
        self.longestValue = longestValue
        self.longestPipeline = longestPipeline
        budget = longestPipeline
    }

    /// Begins anew to count what comes through.
    mutating func beginPipeline() { budget = longestPipeline }

    /// Hands on what may come through of the next bytes, in as few pieces as can be.
    ///
    /// - Throws: `internal`, where the framing itself is beyond the limits; and what `next` throws.
    mutating func pass(
        _ bytes: UnsafeRawBufferPointer, to next: (UnsafeRawBufferPointer) throws(CollectorError) -> Void
    ) throws(CollectorError) {
        var at = 0
        // From here on nothing has been handed on yet.
        var start = 0
        func handOn() throws(CollectorError) {
            if start < at { try next(UnsafeRawBufferPointer(rebasing: bytes[start..<at])) }
        }
        while at < bytes.count {
            switch state {
            case .start:
                switch bytes[at] {
                case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"): state = .header([])
                default: state = .line(0)
                }
            case .line(let length):
                let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.count
                guard length + end - at <= Self.longestLine else { throw Self.excessive }
                try spend(end - at)
                state = bytes[end - 1] == UInt8(ascii: "\n") ? .start : .line(length + end - at)
                at = end
            case .header(let earlier):
                let newline = bytes[at...].prefix(Self.longestHeader).firstIndex(of: UInt8(ascii: "\n"))
                let end = newline.map { $0 + 1 } ?? bytes.count
                guard earlier.count + end - at <= Self.longestHeader else { throw Self.excessive }
                let header = earlier + bytes[at..<end]
                guard newline != nil else {
                    try handOn()
                    state = .header(header)
                    return
                }
                if try takes(header) {
                    if !earlier.isEmpty { try hand(earlier, to: next) }
                    at = end
                } else {
                    try handOn()
                    try hand(Self.substitute, to: next)
                    at = end
                    start = end
                }
            case .value(let length):
                let count = min(length, bytes.count - at)
                state = count < length ? .value(length - count) : .start
                at += count
            case .excess(let length):
                let count = min(length, bytes.count - at)
                state = count < length ? .excess(length - count) : .start
                at += count
                start = at
            }
        }
        try handOn()
    }

    /// Decides on a value by the line that says how long it is, and what state comes next.
    private mutating func takes(_ header: [UInt8]) throws(CollectorError) -> Bool {
        let digits = header.dropFirst().prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        // What is no length is for the reader to refuse.
        let length = Int(String(decoding: digits, as: UTF8.self)) ?? -1
        guard length >= 0 else {
            state = .start
            try spend(header.count)
            return true
        }
        guard length <= min(longestValue, budget) else {
            state = .excess(min(length, Int.max - 2) + 2)
            return false
        }
        state = .value(length + 2)
        try spend(header.count + length + 2)
        return true
    }

    private func hand(
        _ bytes: [UInt8], to next: (UnsafeRawBufferPointer) throws(CollectorError) -> Void
    ) throws(CollectorError) {
        var failure: CollectorError?
        bytes.withUnsafeBytes { bytes in
            do throws(CollectorError) { try next(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func spend(_ count: Int) throws(CollectorError) {
        guard count <= budget else { throw Self.excessive }
        budget -= count
    }

    private static let excessive = CollectorError(.internal, "the server's reply is longer than any that is known")
}
