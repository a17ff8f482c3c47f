import Configuration
import Glibc
import Scraping
import WebServer

/// A client that sends what it is told, also what is no HTTP. Its calls block, so that it has a thread of its own.
actor RawClient {
    struct Failure: Error {
        let operation: String
        let code: CInt
    }

    struct Answer {
        let status: Int
        let head: String
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        func field(_ name: String) -> String? {
            head.split(separator: "\r\n").dropFirst()
                .first { $0.lowercased().hasPrefix("\(name.lowercased()):") }
                .map { String($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
        }
    }

    private let executor = ThreadExecutor(name: "client")
    private var descriptor: CInt
    private var buffer: [UInt8] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ address: ListenAddress, receiveBuffer: CInt? = nil) throws {
        descriptor = try Self.connect(to: address, receiveBuffer: receiveBuffer)
    }

    deinit {
        Glibc.close(descriptor)
    }

    private static func connect(to address: ListenAddress, receiveBuffer: CInt?) throws -> CInt {
        let descriptor: CInt
        let status: CInt
        switch address {
        case .tcp(_, let port):
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if var size = receiveBuffer {
                setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
            }
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = UInt16(port).bigEndian
            name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            status = withSocketAddress(&name) { Glibc.connect(descriptor, $0, $1) }
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var name = unixAddress(path)
            status = withSocketAddress(&name) { Glibc.connect(descriptor, $0, $1) }
        case .inherited:
            throw Failure(operation: "no address to connect to", code: EINVAL)
        }
        guard status == 0 else {
            defer { Glibc.close(descriptor) }
            throw Failure(operation: "connect", code: errno)
        }
        // Whatever is not there after this time never comes.
        var limit = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    /// - Returns: Whether the connection still took it.
    @discardableResult
    func send(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    func get(_ path: String, _ fields: String...) throws -> Answer {
        send("GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields.map { "\($0)\r\n" }.joined())\r\n")
        return try answer()
    }

    /// The next answer.
    func answer(hasBody: Bool = true) throws -> Answer {
        while true {
            if let end = buffer.firstEnd(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: buffer[..<end], as: UTF8.self)
                let status = Int(head.dropFirst("HTTP/1.1 ".count).prefix(3)) ?? 0
                let length = Int(Answer(status: status, head: head, body: []).field("Content-Length") ?? "") ?? 0
                let total = end + (hasBody ? length : 0)
                if buffer.count >= total {
                    defer { buffer.removeFirst(total) }
                    return Answer(status: status, head: head, body: Array(buffer[end..<total]))
                }
            }
            guard try receive() else { throw Failure(operation: "end of stream", code: 0) }
        }
    }

    /// All that comes until the server closes; a reset is an end as well.
    func rest() throws -> [UInt8] {
        do {
            while try receive() {}
        } catch let failure as Failure where failure.code == ECONNRESET {}
        defer { buffer = [] }
        return buffer
    }

    func disconnect() {
        Glibc.close(descriptor)
        descriptor = -1
    }

    private func receive() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Failure(operation: "receive", code: errno) }
        buffer += chunk[..<count]
        return count > 0
    }
}

func unixAddress(_ path: String) -> sockaddr_un {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    return name
}

func withSocketAddress<Name, Result>(
    _ name: inout Name, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Name>.size)) }
    }
}

extension [UInt8] {
    fileprivate func firstEnd(of pattern: [UInt8]) -> Int? {
        guard count >= pattern.count else { return nil }
        return (0...(count - pattern.count)).first { self[$0..<($0 + pattern.count)].elementsEqual(pattern) }
            .map { $0 + pattern.count }
    }
}
