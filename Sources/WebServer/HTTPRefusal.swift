import Configuration
import NIOHTTP1

extension HTTPRequestHead {
    /// Why a request is refused for its head alone, with its connection; `nil` for one that is answered.
    ///
    /// What the parser lets through and another server on the way may read otherwise is refused too: where two do not agree
    /// on the end of a request, somebody's words become the beginning of another's.
    func refusal(_ limits: WebSettings.Limits) -> (HTTPResponseStatus, String)? {
        let codings = headers["Transfer-Encoding"]
        if uri.utf8.count > limits.targetBytes {
            return (.uriTooLong, "A request's target has at most \(limits.targetBytes) bytes.")
        } else if headers.count > limits.headerFields {
            return (.requestHeaderFieldsTooLarge, limits.headSentence)
        } else if version == .http1_1, headers["Host"].count != 1 {
            return (.badRequest, "A request has one Host field.")
        } else if version == .http1_0, !codings.isEmpty {
            return (.badRequest, "HTTP/1.0 has no Transfer-Encoding.")
        } else if codings.contains(where: { $0.lowercased() != "chunked" }) {
            return (.notImplemented, "The one Transfer-Encoding that is understood here is chunked.")
        } else if let length = headers.first(name: "Content-Length").flatMap(Int.init), length > limits.bodyBytes {
            return (.payloadTooLarge, limits.bodySentence)
        } else if let expectation = headers.first(name: "Expect"), expectation.lowercased() != "100-continue" {
            return (.expectationFailed, "The one expectation that can be met here is 100-continue.")
        }
        return nil
    }

    /// Whether the client holds a body back until it is told to go on.
    var asksBeforeItsBody: Bool {
        version != .http1_0 && headers.contains(name: "Expect")
            && (headers.contains(name: "Content-Length") || headers.contains(name: "Transfer-Encoding"))
    }
}

extension WebSettings.Limits {
    var headSentence: String { "A request's head has at most \(headBytes) bytes and \(headerFields) fields." }

    var bodySentence: String { "No path takes a body of more than \(bodyBytes) bytes." }
}
