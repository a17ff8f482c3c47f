import CLibPQ

/// What a connection string says, keyword by keyword, as libpq reads it.
///
/// It may hold a password, and prints none of its values.
public struct ConnectionParameters: Sendable {
    private var values: [String: String]

    /// Reads a URI or `keyword=value` pairs; nothing is looked up in the environment or in files.
    ///
    /// - Throws: Where it is neither. The sentence does not repeat it.
    public init(_ text: String) throws(InvalidConnectionString) {
        guard let values = Self.options(of: text) else { throw InvalidConnectionString() }
        self.values = values.compactMapValues(\.self)
    }

    /// All keywords that this libpq knows.
    public static let keywords = Set((options(of: "") ?? [:]).keys)

    /// A keyword's value; `nil` where nothing is said.
    public subscript(keyword: String) -> String? {
        get { values[keyword] }
        set { values[keyword] = newValue }
    }

    /// The keywords of which something is said, in order.
    public var keywords: [String] { values.keys.sorted() }

    /// As `keyword='value'` pairs.
    public var connectionString: String {
        keywords.map { keyword in
            let value = (values[keyword] ?? "").replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(keyword)='\(value)'"
        }.joined(separator: " ")
    }

    /// The `host:port` that libpq would connect to, in its order: a `hostaddr` where one is given, since it goes before the
    /// host's name; an IPv6 address in brackets.
    ///
    /// - Returns: `nil` where a host is left to the environment or the lists do not go together.
    public var addresses: [String]? {
        let hosts = list("host")
        let hostAddresses = list("hostaddr")
        let ports = list("port")
        let count = max(hosts.count, hostAddresses.count)
        guard [0, count].contains(hosts.count), [0, count].contains(hostAddresses.count),
            [0, 1, count].contains(ports.count)
        else { return nil }
        var addresses: [String] = []
        for index in 0..<count {
            let candidates = [hostAddresses, hosts].compactMap { $0.isEmpty ? nil : $0[index] }
            guard let host = candidates.first(where: { !$0.isEmpty }) else { return nil }
            let port = ports.isEmpty ? "" : ports[ports.count == 1 ? 0 : index]
            let isIPv6 = host.contains(":") && !host.hasPrefix("/")
            addresses.append("\(isIPv6 ? "[\(host)]" : host):\(port.isEmpty ? "5432" : port)")
        }
        return addresses.isEmpty ? nil : addresses
    }

    private func list(_ keyword: String) -> [String] {
        let text = values[keyword] ?? ""
        return text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// All of libpq's keywords with what the text says of them; `nil` where it is no connection string.
    private static func options(of text: String) -> [String: String?]? {
        guard let options = PQconninfoParse(text, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var values: [String: String?] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            values[String(cString: keyword)] = .some(option.pointee.val.map { String(cString: $0) })
            option += 1
        }
        return values
    }
}

extension ConnectionParameters: CustomStringConvertible, CustomReflectable {
    /// The keywords alone.
    public var description: String { keywords.joined(separator: " ") }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
