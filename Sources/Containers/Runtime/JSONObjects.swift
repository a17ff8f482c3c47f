/// Cuts JSON that comes in pieces into its objects: the only one, those of an array, or those that follow one another.
/// Never more than one of them is held.
struct JSONObjects {
    /// The longest object.
    let limit: Int
    /// The beginning of an object whose end has not come.
    private var pending: [UInt8] = []
    private var depth = 0
    private var isString = false
    private var isEscaped = false
    private var openArrays = 0
    private var hasBegun = false
    /// What stands outside of objects and belongs to no array: the beginning of it.
    private var word: [UInt8] = []

    /// An object was longer than the limit.
    struct TooLong: Error {}

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether it is a whole text of objects; `null` is one without any.
    var isComplete: Bool {
        depth == 0 && openArrays == 0 && hasBegun && (word.isEmpty || word.elementsEqual("null".utf8))
    }

    /// Takes the next piece, and hands out each object that ends in it.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, _ body: (ArraySlice<UInt8>) -> Void
    ) throws(TooLong) {
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                }
                continue
            }
            if byte > UInt8(ascii: " ") { hasBegun = true }
            switch byte {
            case UInt8(ascii: "\"") where depth > 0: isString = true
            case UInt8(ascii: "["): if depth == 0 { openArrays += 1 }
            case UInt8(ascii: "]"): if depth == 0 { openArrays -= 1 }
            case UInt8(ascii: "{"):
                if depth == 0 { start = index }
                depth += 1
            case UInt8(ascii: "}") where depth > 0:
                depth -= 1
                guard depth == 0 else { break }
                try append(bytes[start...index])
                body(pending[...])
                pending.removeAll(keepingCapacity: pending.capacity < 16 * 1024)
            case UInt8(ascii: ","): break
            default: if depth == 0, byte > UInt8(ascii: " "), word.count < 8 { word.append(byte) }
            }
        }
        if depth > 0 { try append(bytes[start...]) }
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) throws(TooLong) {
        guard pending.count + bytes.count <= limit else { throw TooLong() }
        pending.append(contentsOf: bytes)
    }
}
