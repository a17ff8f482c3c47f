/// What a server answers to one command, in RESP2 or RESP3.
enum RedisReply: Sendable, Equatable {
    /// No such key, no such element.
    case null
    case integer(Int64)
    case double(Double)
    case boolean(Bool)
    /// A simple, bulk or verbatim string, or a number too big for the other cases.
    case string([UInt8])
    /// An array or a set; also a map, as keys and values by turns, which is how RESP2 sends it.
    case array([RedisReply])
    /// The server's refusal: a code word, and a sentence that may repeat what was sent.
    case error([UInt8])
    /// What RESP3 sends between the replies: it answers no command.
    case outOfBand
}
