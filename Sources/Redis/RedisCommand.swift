import CHiredis
import NIOCore
import Scraping

/// A command as a collector asks for it. Collectors that ask for equal commands share one reply.
struct RedisCommand: Sendable, Hashable {
    /// The command's name and what follows it.
    let arguments: [String]
    /// The database that it must run in; `nil` for a command that looks at no key.
    let database: Int?
    /// Whether it is not sent again on the same connection once the server has refused it: for commands that some servers
    /// do not have, or not for us, since a server counts and logs every refusal.
    let isSentUntilRefused: Bool

    init(_ arguments: String..., database: Int? = nil, untilRefused: Bool = false) {
        self.arguments = arguments
        self.database = database
        isSentUntilRefused = untilRefused
    }

    /// What is going on in the server, all sections but those of modules.
    static let info = RedisCommand("INFO", "ALL")

    /// The name by which a failure speaks of it; never an argument, which may be a key or a password.
    var name: String { arguments.first ?? "" }

    /// Appends the command as it goes over the wire.
    ///
    /// - Throws: `internal`, where there is no memory left.
    func encode(into buffer: inout ByteBuffer) throws(CollectorError) {
        let bytes = arguments.flatMap(\.utf8).map { CChar(bitPattern: $0) }
        let lengths = arguments.map(\.utf8.count)
        let isEncoded = bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            var pointers = lengths.map { length in
                defer { start += length }
                return bytes.baseAddress?.advanced(by: start)
            }
            var formatted: UnsafeMutablePointer<CChar>?
            let length = redisFormatCommandArgv(&formatted, CInt(lengths.count), &pointers, lengths)
            guard length >= 0 else { return false }
            defer { redisFreeCommand(formatted) }
            buffer.writeBytes(UnsafeRawBufferPointer(start: formatted, count: Int(length)))
            return true
        }
        guard isEncoded else { throw CollectorError(.internal, "there is no memory for a command") }
    }
}
