import Foundation

/// The TCP connections of this machine that have a port at one end.
struct Connections {
    private struct Entry {
        let local: Int
        let remote: Int
        let isEstablished: Bool
        /// Bytes that have come and that nobody has read yet.
        let unread: Int
    }

    private let entries: [Entry]
    private let port: Int

    init(port: Int) throws {
        self.port = port
        // To its end: the size that this file claims to have is 0.
        let table = try FileHandle(forReadingFrom: URL(filePath: "/proc/net/tcp")).readToEnd() ?? Data()
        entries = String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst()
            .map { line in
                let fields = line.split(separator: " ")
                func hexadecimal(_ text: Substring) -> Int { Int(text.drop { $0 != ":" }.dropFirst(), radix: 16) ?? 0 }
                return Entry(
                    local: hexadecimal(fields[1]), remote: hexadecimal(fields[2]), isEstablished: fields[3] == "01",
                    unread: hexadecimal(fields[4]))
            }
    }

    /// Those that clients have open, by the clients' own ports.
    var ofClients: Set<Int> { Set(entries.filter { $0.remote == port && $0.isEstablished }.map(\.local)) }

    /// Whether the server has been asked something and has not read it yet.
    var hasUnreadRequest: Bool { entries.contains { $0.local == port && $0.isEstablished && $0.unread > 0 } }
}
