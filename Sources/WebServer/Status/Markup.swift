/// A page of HTML in the making, which is also well-formed XML.
struct Markup {
    private(set) var text = ""

    /// How long it is in bytes.
    var count: Int { text.utf8.count }

    /// Adds what is HTML already.
    mutating func add(_ html: String) {
        text += html
    }

    /// Adds an element with what `content` adds to it.
    mutating func element(_ tag: String, _ attributes: String = "", content: (inout Markup) -> Void) {
        text += attributes.isEmpty ? "<\(tag)>" : "<\(tag) \(attributes)>"
        content(&self)
        text += "</\(tag)>\n"
    }
}

extension String {
    /// The text as it stands in HTML, also within an attribute's quotes. What cannot be seen, or
    /// changes the direction of what follows, is replaced.
    var escapedForHTML: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t", "\r": result += " "
            case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}",
                "\u{2066}"..."\u{2069}", "\u{FFFE}", "\u{FFFF}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// At most so many characters, of which the last one says that there were more.
    func shortened(to count: Int) -> String {
        guard unicodeScalars.count > count else { return self }
        var result = String.UnicodeScalarView(unicodeScalars.prefix(count - 1))
        result.append("…")
        return String(result)
    }

    /// As it stands in a URL's query: letters, digits and a few more are themselves.
    var percentEncoded: String {
        var result = ""
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}
