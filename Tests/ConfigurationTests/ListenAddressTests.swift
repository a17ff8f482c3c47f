import Configuration
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        (":19187", ListenAddress.tcp(host: "", port: 19187)),
        (":0", .tcp(host: "", port: 0)),
        ("0.0.0.0:65535", .tcp(host: "0.0.0.0", port: 65535)),
        ("localhost:9187", .tcp(host: "localhost", port: 9187)),
        ("my-host_1.example.:9187", .tcp(host: "my-host_1.example.", port: 9187)),
        ("[::1]:9187", .tcp(host: "::1", port: 9187)),
        ("[::]:9187", .tcp(host: "::", port: 9187)),
        ("unix:/run/stack-exporter.sock", .unix(path: "/run/stack-exporter.sock")),
        ("unix:/run/a:b", .unix(path: "/run/a:b")),
    ])
    func wellFormed(text: String, address: ListenAddress) throws {
        #expect(try ListenAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "19187", "localhost", "::1:9187", "[::1]", "[::1]9187", "[localhost]:9187", "[]:9187", "[127.0.0.1]:80",
        "http://localhost:9187", "a b:80", "user@host:80", ":", "host:", ":65536", ":-1", ":+80", ":80a", ": 80", ":٣",
        "unix:", "unix:relative", "unix:/" + String(repeating: "x", count: 107),
    ])
    func malformed(text: String) {
        let error = #expect(throws: ListenAddress.Malformed.self) { try ListenAddress(text) }
        #expect(error?.description.hasPrefix("\"\(text)\" is no listen address: ") == true)
    }
}
