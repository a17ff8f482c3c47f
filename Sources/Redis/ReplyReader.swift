import CHiredis
import NIOCore
import Scraping

/// Makes replies of the bytes that come in, however they are cut. Owns a reader of hiredis.
///
/// Arrays may hold at most ``maximumElements`` and nest at most ``maximumDepth``; how long values may be, and all of them
/// together, a ``ReplyLimit`` says.
struct ReplyReader: ~Copyable {
    /// hiredis reserves room for all elements that an array announces, before it has one of them.
    static let maximumElements = 1 << 20
    /// That of hiredis 0.14; later ones have none, and free a reply by recursion.
    static let maximumDepth = 7

    private var limit: ReplyLimit
    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>

    /// - Throws: `internal`, where there is no memory left.
    init(limit: ReplyLimit = ReplyLimit()) throws(CollectorError) {
        self.limit = limit
        guard let reader = redisReaderCreate(), let defaults = reader.pointee.fn else {
            throw CollectorError(.internal, "there is no memory for reading replies")
        }
        // hiredis' own functions, with a guard before the one that makes arrays; `privdata` is how the guard finds it.
        functions = .allocate(capacity: 1)
        functions.initialize(to: defaults.pointee)
        functions.pointee.createArray = { task, elements in
            guard let task, let defaults = task.pointee.privdata, Int(elements) <= ReplyReader.maximumElements,
                ReplyReader.depth(of: task) <= ReplyReader.maximumDepth
            else { return nil }
            return defaults.assumingMemoryBound(to: redisReplyObjectFunctions.self).pointee.createArray(task, elements)
        }
        reader.pointee.privdata = UnsafeMutableRawPointer(defaults)
        reader.pointee.fn = functions
        self.reader = reader
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Begins anew to count the bytes of the replies to one pipeline.
    mutating func beginPipeline() { limit.beginPipeline() }

    /// Takes bytes in; ``next()`` then gives the replies that are complete.
    ///
    /// - Throws: `internal`, where they are beyond the limits, or there is no memory left.
    mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(CollectorError) {
        let reader = reader
        try limit.pass(bytes) { piece throws(CollectorError) in
            guard redisReaderFeed(reader, piece.baseAddress, piece.count) == REDIS_OK else {
                throw CollectorError(.internal, "there is no memory for a reply")
            }
        }
    }

    /// Takes in what a buffer holds.
    mutating func feed(_ buffer: ByteBuffer) throws(CollectorError) {
        let failure = buffer.withUnsafeReadableBytes { bytes -> CollectorError? in
            do throws(CollectorError) {
                try feed(bytes)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The next complete reply; `nil` until more bytes have come.
    ///
    /// - Throws: `internal`, where the bytes are no reply, or one beyond the limits. The reader is of no use after that.
    mutating func next() throws(CollectorError) -> RedisReply? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else {
            throw CollectorError(.internal, "the server sent something that is no Redis reply, or too large a one")
        }
        guard let object else { return nil }
        defer { freeReplyObject(object) }
        return RedisReply(copying: object.assumingMemoryBound(to: redisReply.self).pointee)
    }

    /// 1 for a reply's outermost array.
    private static func depth(of task: UnsafePointer<redisReadTask>) -> Int {
        var depth = 1
        var outer = task.pointee.parent
        while let task = outer {
            depth += 1
            outer = task.pointee.parent
        }
        return depth
    }
}

extension RedisReply {
    fileprivate init(copying reply: redisReply) {
        switch reply.type {
        case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
        case REDIS_REPLY_BOOL: self = .boolean(reply.integer != 0)
        case REDIS_REPLY_DOUBLE: self = .double(Double(String(decoding: Self.bytes(of: reply), as: UTF8.self)) ?? .nan)
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS, REDIS_REPLY_VERB, REDIS_REPLY_BIGNUM:
            self = .string(Self.bytes(of: reply))
        case REDIS_REPLY_ERROR: self = .error(Self.bytes(of: reply))
        case REDIS_REPLY_ARRAY, REDIS_REPLY_SET, REDIS_REPLY_MAP:
            let elements = UnsafeBufferPointer(start: reply.element, count: reply.elements)
            self = .array(elements.map { $0.map { RedisReply(copying: $0.pointee) } ?? .null })
        case REDIS_REPLY_PUSH, REDIS_REPLY_ATTR: self = .outOfBand
        default: self = .null
        }
    }

    private static func bytes(of reply: redisReply) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: reply.str, count: reply.len))
    }
}
