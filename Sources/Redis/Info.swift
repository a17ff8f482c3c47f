/// The reply to `INFO` or `CLUSTER INFO`, its lines found but not copied: all that is allocated is one array for them.
struct Info {
    /// A piece of the reply.
    typealias Text = ArraySlice<UInt8>

    /// `field:value`, without the line's end.
    struct Line {
        let field: Text
        let value: Text
    }

    /// In the server's order, without headings.
    let lines: [Line]

    init(_ reply: [UInt8]) {
        var lines: [Line] = []
        // A line has about thirty bytes; growing in steps would copy what is there already.
        lines.reserveCapacity(reply.count / 24)
        var rest = reply[...]
        while !rest.isEmpty {
            var line = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest[line.endIndex...].dropFirst()
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            lines.append(Line(field: line[..<colon], value: line[(colon + 1)...]))
        }
        self.lines = lines
    }

    /// The value of the first line of that field.
    subscript(field: StaticString) -> Text? {
        lines.first { $0.field.equals(field) }?.value
    }
}

extension Info.Text {
    /// Whether it is that text.
    func equals(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { elementsEqual($0) }
    }

    /// What is behind a prefix; `nil` where it does not begin with that.
    func after(_ prefix: StaticString) -> Info.Text? {
        prefix.withUTF8Buffer { starts(with: $0) } ? dropFirst(prefix.utf8CodeUnitCount) : nil
    }

    /// The value of a field in `calls=21,usec=175`, wherever it stands.
    func value(of field: StaticString) -> Info.Text? {
        var rest = self
        while !rest.isEmpty {
            let pair = rest.prefix { $0 != UInt8(ascii: ",") }
            rest = rest[pair.endIndex...].dropFirst()
            if let value = pair.after(field), value.first == UInt8(ascii: "=") { return value.dropFirst() }
        }
        return nil
    }

    /// A number of a field in `calls=21,usec=175`; `nil` where there is no such field, or no number in it.
    func number(of field: StaticString) -> Double? {
        value(of: field)?.number
    }

    /// The text as a number; `nil` where it is none. Numbers are short enough for the text not to be allocated.
    var number: Double? {
        Double(text)
    }

    /// The text as a string.
    var text: String {
        String(decoding: self, as: UTF8.self)
    }
}
