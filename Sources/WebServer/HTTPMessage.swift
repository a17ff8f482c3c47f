public import NIOHTTP1

/// A request as its route sees it; the body has been read and thrown away.
public struct HTTPRequest: Sendable {
    /// A route that answers GET gets HEAD too, and answers it alike.
    public let method: HTTPMethod
    /// As it was sent, without query; never empty.
    public let path: Substring
    /// What stands behind the question mark, as it was sent; `nil` without one.
    public let query: Substring?
    /// All header fields.
    public let headers: HTTPHeaders

    init(_ head: HTTPRequestHead) {
        method = head.method
        headers = head.headers
        var target = head.uri[...]
        // A proxy's form of the target, `http://host/path`, which every server has to accept.
        for scheme in ["http://", "https://"] where target.prefix(scheme.count).lowercased() == scheme {
            target = target.dropFirst(scheme.count).drop { $0 != "/" && $0 != "?" }
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "/"
        query = parts.count > 1 ? parts[1] : nil
    }
}

/// An answer. The connection adds `Content-Length` and `Connection`, and leaves the body out for HEAD.
public struct HTTPResponse: Sendable {
    /// The status line's code and reason.
    public var status: HTTPResponseStatus
    /// All header fields but the two that the connection adds.
    public var headers: HTTPHeaders
    /// The whole body.
    public var body: [UInt8]

    /// An answer of any type.
    public init(_ status: HTTPResponseStatus, contentType: String, body: [UInt8], headers: HTTPHeaders = [:]) {
        self.status = status
        self.headers = headers
        self.headers.add(name: "Content-Type", value: contentType)
        self.body = body
    }

    /// An answer of one sentence in plain text.
    public init(_ status: HTTPResponseStatus, _ sentence: String, headers: HTTPHeaders = [:]) {
        self.init(
            status, contentType: "text/plain; charset=utf-8", body: Array("\(sentence)\n".utf8), headers: headers)
    }
}
