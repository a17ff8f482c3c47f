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

extension RedisReply {
    /// An array of names and values by turns, as values by name; of a name that comes twice, the last. What is no name, or
    /// has no value behind it, is left out.
    var fields: [[UInt8]: RedisReply] {
        guard case .array(let elements) = self else { return [:] }
        var fields: [[UInt8]: RedisReply] = [:]
        for index in stride(from: 0, to: elements.count - 1, by: 2) {
            if case .string(let name) = elements[index] { fields[name] = elements[index + 1] }
        }
        return fields
    }

    /// The text; `nil` of anything else.
    var text: [UInt8]? {
        if case .string(let bytes) = self { bytes } else { nil }
    }

    /// The elements; none of anything else.
    var elements: [RedisReply] {
        if case .array(let elements) = self { elements } else { [] }
    }

    /// The number, or what a text says of one; `nil` where there is none, which is not 0.
    var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        case .string(let bytes): bytes[...].number
        default: nil
        }
    }
}
