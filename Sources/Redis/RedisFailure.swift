import NIOCore
import NIOPosix
import NIOSSL
import Scraping

// What a server says in an error may repeat what it was sent, keys and passwords, and so may the text of a system's
// error. Details are therefore our own sentences, with no more of theirs than a code word.

extension CollectorError {
    /// A server's refusal of a command.
    init(_ error: [UInt8], to command: RedisCommand) {
        if error.starts(with: Pipeline.failedSelection) {
            self.init(Array(error.dropFirst(Pipeline.failedSelection.count)), to: RedisCommand("SELECT"))
            return
        }
        let text = String(decoding: error.prefix(256), as: UTF8.self)
        let lowercase = text.lowercased()
        let code = Self.codeWord(of: text)
        switch code {
        case "NOAUTH":
            self.init(.authentication, "the server wants a password (NOAUTH)")
        case "WRONGPASS":
            self.init(.authentication, "the server does not take this user name and password (WRONGPASS)")
        case "DENIED":
            self.init(
                .authentication, "the server is in protected mode and takes no remote client without a password",
                remedies: [
                    Remedy("redis-cli, on the server's machine", "CONFIG SET requirepass <password>"),
                    Remedy(Remedy.environment, "REDIS_PASSWORD=<password>"),
                ])
        case "NOPERM":
            self.init(.permission, Self.missingRule(text, for: command))
        case "LOADING":
            self.init(.connection, "the server is loading its data (LOADING)")
        case "MASTERDOWN":
            self.init(.connection, "the replica has lost its master and serves nothing (MASTERDOWN)")
        case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN":
            self.init(.connection, "the cluster's node does not serve the key of \(command.name) (\(code))")
        case "BUSY":
            self.init(.locked, "a script keeps the server busy (BUSY)")
        case "TOOLONG":
            self.init(.internal, "the reply to \(command.name) is longer than is read")
        case _ where lowercase.contains("max number of clients"):
            self.init(
                .connection, "the server has as many clients as it takes (maxclients)",
                remedies: [Remedy("redis-cli", "CONFIG SET maxclients <a larger number>")])
        case _ where lowercase.hasPrefix("err unknown command"):
            self.init(.unsupportedVersion, "the server does not know this command: \(command.name)")
        case _
        where lowercase.hasPrefix("err auth") || lowercase.hasPrefix("err invalid password")
            || lowercase.contains("no password is set"):
            self.init(.authentication, "the server does not take this password, or wants none (\(code))")
        default:
            // Before Redis 6, AUTH with a user name is a wrong number of arguments.
            self.init(
                command.name == "AUTH" ? .authentication : .internal,
                "\(command.name) was answered with an error (\(code))")
        }
    }

    /// Whether a refusal of what the user may do is about what the command names, and not about the command.
    static func isOfOneKey(_ error: [UInt8]) -> Bool {
        String(decoding: error.prefix(256), as: UTF8.self).contains(" key")
    }

    /// What the user's ACL lacks, for the words that servers have for it.
    private static func missingRule(_ text: String, for command: RedisCommand) -> String {
        if isOfOneKey(Array(text.utf8)) {
            return "the user may not read a key of \(command.name) (NOPERM); the ACL has to have a rule such as ~*"
        }
        if text.contains(" channel") {
            return "the user may not subscribe (NOPERM); the ACL has to have a rule with & and this very pattern"
        }
        return "the user may not do this (NOPERM); the ACL has to have the rule +\(command.name.aclName)"
    }

    /// A failure of the connection itself.
    init(connection error: any Error) {
        switch error {
        case let error as CollectorError:
            self = error
        case let error as IOError:
            self.init(.connection, "the connection failed: \(SystemError(error.errnoCode))")
        case let error as NIOConnectionError:
            if let cause = error.connectionErrors.first?.error {
                self.init(connection: cause)
            } else {
                self.init(.connection, "the server's host name has no address")
            }
        case NIOSSLError.handshakeFailed(let cause) where "\(cause)".contains("CERTIFICATE_VERIFY_FAILED"):
            self.init(
                .connection, "the server's TLS certificate is not trusted",
                remedies: [Remedy(Remedy.flags, "--redis.tls.ca-cert-file=<file with its authority>")])
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.init(
                .connection, "the server's TLS certificate is for another name",
                remedies: [Remedy(nil, "address the server by the name in its certificate")])
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self.init(
                .connection, "the TLS connection failed; the port may be one without TLS",
                remedies: [Remedy(nil, "address it by redis:// in place of rediss://")])
        case ChannelError.connectTimeout:
            self.init(.timeout, "the server did not take the connection within the scrape's time limit")
        default:
            self.init(.connection, "the server could not be reached, or closed the connection")
        }
    }

    /// No answer in time; also how a scrape ends that is given up.
    static let late = CollectorError(.timeout, "no answer within the scrape's time limit")

    private static func codeWord(of text: String) -> Substring {
        let word = text.prefix { $0 != " " }
        let isCode = word.utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 || $0 == UInt8(ascii: "_") }
        return isCode && word.utf8.count <= 32 ? word : "no code"
    }
}
