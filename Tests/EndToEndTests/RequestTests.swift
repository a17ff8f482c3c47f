import Lab
import Testing

/// Bytes that are no request, not one, or one that somebody on the way could read otherwise.
@Suite(.sharedExporter, .startsServers, .timeLimit(.minutes(15)))
struct RequestTests {
    /// What is sent, with the statuses of the answers; behind it goes a request that ends the connection, whose answer is
    /// seen where the connection lasts until then.
    struct Case: CustomTestStringConvertible {
        let name: String
        let bytes: String
        let statuses: [Int]

        init(_ name: String, _ bytes: String, _ statuses: Int...) {
            self.name = name
            self.bytes = bytes
            self.statuses = statuses
        }

        /// A request for a page that is always there, with these header fields and this body.
        init(_ name: String, fields: String, _ body: String = "", _ statuses: Int...) {
            self.name = name
            bytes = "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
            self.statuses = statuses
        }

        var testDescription: String { name }
    }

    private static let million = String(repeating: "x", count: 1_000_000)
    private static let behind = "GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private static let foreign: [Case] = [
        Case("HTTP/0.9", "GET /-/healthy\r\n\r\n", 505),
        Case("HTTP/0.9 in one line", "GET /-/healthy\r\n", 400),
        Case("HTTP/1.2", "GET /-/healthy HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        Case("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", 400),
        Case(
            "a TLS hello",
            "\u{16}\u{3}\u{1}\0\u{f2}\u{1}\0\0\u{ee}\u{3}\u{3}\(String(repeating: "\u{7f}", count: 240))", 400),
        Case("garbage", String(repeating: "\0\u{1}\u{2}\u{ff}\u{fe}\r\n", count: 100), 400),
        Case("a method that is none", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("tabs for spaces", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("no host", "GET /-/healthy HTTP/1.1\r\n\r\n", 400),
        Case("no host in HTTP/1.0", "GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, 200),
        Case("two hosts", fields: "Host: b\r\n", "", 400),
        Case("empty lines before it", "\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
    ]

    private static let targets: [Case] = [
        Case("an absolute target", "GET http://b:9/-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
        Case("an absolute target in capitals", "GET HTTP://b/-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
        Case("an absolute target of another kind", "GET ftp://b/-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("the server itself", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200, 200),
        Case("a star that is got", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("a tunnel", "CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", 404),
        Case("a way up", "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("a way up that is hidden", "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("a way around", "GET /metrics/../-/healthy HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("NUL in the target", "GET /-/healthy\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("NUL in the target, hidden", "GET /-/healthy%00 HTTP/1.1\r\nHost: a\r\n\r\n", 404, 200),
        Case("bytes beyond ASCII in the target", "GET /\u{ff}\u{fe} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        Case("a target too long", "GET /\(million.prefix(9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        Case("a target of a megabyte", "GET /\(million) HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    ]

    private static let fields: [Case] = [
        Case("a field of a megabyte", fields: "X: \(million)\r\n", "", 431),
        Case("a megabyte of fields", fields: String(repeating: "X: yyyyyyyyyy\r\n", count: 70_000), "", 431),
        Case("NUL in a value", fields: "X: y\0z\r\n", "", 400),
        Case("NUL in a name", fields: "X\0: y\r\n", "", 400),
        Case("a bare CR", fields: "X: y\rz\r\n", "", 400),
        Case("a bare LF", fields: "X: y\nZ: z\r\n", "", 400),
        Case("a folded line", fields: "X: y\r\n z\r\n", "", 400),
        Case("no colon", fields: "nothing\r\n", "", 400),
    ]

    private static let bodies: [Case] = [
        Case("a body", fields: "Content-Length: 5\r\n", "hello", 200, 200),
        Case("a body in chunks", fields: "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", 200, 200),
        Case(
            "chunks with extras", fields: "Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", 200,
            200),
        Case("a body too large", fields: "Content-Length: 8193\r\n", "", 413),
        Case("chunks too large", fields: "Transfer-Encoding: chunked\r\n", "2001\r\n\(million.prefix(8193))\r\n", 413),
        Case(
            "a megabyte of trailers", fields: "Transfer-Encoding: chunked\r\n",
            "0\r\n\(String(repeating: "X: yyyyyyyyyy\r\n", count: 70_000))\r\n", 431),
        Case(
            "a body that waits to be asked for", fields: "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello", 100,
            200, 200),
        Case("a body too large that waits", fields: "Expect: 100-continue\r\nContent-Length: 50000\r\n", "", 413),
        Case("another expectation", fields: "Expect: miracle\r\n", "", 417),
    ]

    /// Where two servers differ on where a request ends, one client's words are another's request.
    private static let smuggling: [Case] = [
        Case("both lengths", fields: "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400),
        Case("both lengths, turned", fields: "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n", 400),
        Case("two lengths", fields: "Content-Length: 5\r\nContent-Length: 6\r\n", "hello", 400),
        Case("one length twice", fields: "Content-Length: 5\r\nContent-Length: 5\r\n", "hello", 400),
        Case("a list of lengths", fields: "Content-Length: 5, 5\r\n", "hello", 400),
        Case("a length with a sign", fields: "Content-Length: +5\r\n", "hello", 400),
        Case("a length below zero", fields: "Content-Length: -5\r\n", "hello", 400),
        Case("a length in hexadecimal", fields: "Content-Length: 0x5\r\n", "hello", 400),
        Case("a length beyond 64 bits", fields: "Content-Length: 99999999999999999999999\r\n", "hello", 400),
        Case("no length", fields: "Content-Length: \r\n", "", 400),
        Case("a space before the colon of a length", fields: "Content-Length : 5\r\n", "hello", 400),
        Case("a space before the colon of a coding", fields: "Transfer-Encoding : chunked\r\n", "0\r\n\r\n", 400),
        Case("a coding behind a control character", fields: "Transfer-Encoding:\u{b}chunked\r\n", "0\r\n\r\n", 400),
        Case("a coding on the next line", fields: "Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n", 400),
        Case(
            "a coding twice", fields: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400),
        Case("chunked before another", fields: "Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n", 400),
        Case("chunked behind another", fields: "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501),
        Case("another coding", fields: "Transfer-Encoding: xchunked\r\n", "", 501),
        Case(
            "chunks in HTTP/1.0",
            "GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case("a chunk below zero", fields: "Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n", 400),
        Case("a chunk beyond 64 bits", fields: "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nhello\r\n", 400),
        Case("a chunk that goes on", fields: "Transfer-Encoding: chunked\r\n", "5\r\nhelloX\r\n0\r\n\r\n", 400),
        Case("chunks between bare LFs", fields: "Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n", 400),
    ]

    @Test(arguments: foreign + targets + fields + bodies + smuggling)
    func isAnsweredOrRefused(request: Case) async throws {
        let exporter = try Exporter.shared
        async let scrape = exporter.get("/metrics")
        let answer = try await RawAnswer(to: request.bytes + Self.behind, port: exporter.port)
        // What was refused ends the connection, so that what stands behind it is never taken for a request.
        #expect(answer.statuses == request.statuses, "\(answer.text)")
        #expect(answer.text.contains("Ready.") == (request.statuses.last == 200))
        #expect(!answer.text.contains("root:"))
        #expect(try await scrape.status == 200)
    }
}
