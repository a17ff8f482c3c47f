public import Scraping

/// One Redis or Valkey server and what is to be read from it.
public struct RedisSettings: Sendable, Equatable {
    /// Where the server listens.
    public enum Address: Sendable, Hashable, CustomStringConvertible {
        /// A host name or address, without brackets, and a port.
        case tcp(host: String, port: Int)
        /// The path of a socket.
        case unix(path: String)
        /// Whatever server is the master of that name, as one of these sentinels knows at each connect.
        indirect case master(name: String, sentinels: [Address])

        /// `host:port`, the socket's path, or `name@host:port,host:port` with the sentinels of a master.
        public var description: String {
            switch self {
            case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unix(let path): path
            case .master(let name, let sentinels): "\(name)@" + sentinels.map(\.description).joined(separator: ",")
            }
        }

        /// The host; `nil` for what is no single server on the network.
        var host: String? {
            if case .tcp(let host, _) = self { host } else { nil }
        }
    }

    /// How the connection is encrypted.
    public struct TLS: Sendable, Hashable {
        /// PEM file of the authorities that the server's certificate may come from; `nil` for those of the system.
        public var authorityFile: String?
        /// PEM file of our own certificate and those between it and its authority.
        public var certificateFile: String?
        /// PEM file of our certificate's key.
        public var keyFile: String?
        /// The name that the server's certificate must have; `nil` for the host of the address.
        public var serverName: String?
        /// Whether the server must prove who it is.
        public var verifiesServer = true

        /// The system's authorities, and no certificate of our own.
        public init() {}
    }

    /// The `target` label.
    public var name: String
    /// Where the server listens.
    public var address: Address
    /// `nil` for a connection in the clear.
    public var tls: TLS?
    /// The ACL user; `nil` for the default user.
    public var username: String?
    /// Read at every connect. `nil` where the server wants none.
    public var password: Secret?
    /// The sentinels' own password, which is not the server's; `nil` where they want none.
    public var sentinelPassword: Secret?
    /// How long connecting and logging in may take at most; `nil` for as long as the scrape has time.
    public var connectTimeout: Duration?
    /// The database with the job queues.
    public var database = 0
    /// Which keys are looked at.
    public var keys = RedisKeyOptions()
    /// Which job queues are looked at.
    public var queues = RedisQueueOptions()
    /// What is shown of the server itself.
    public var options = RedisServerOptions()

    /// A server by its address.
    public init(name: String, address: Address) {
        self.name = name
        self.address = address
    }

    /// `AUTH` with the password as it is now; `nil` where there is none, or it is empty.
    func authentication() throws(CollectorError) -> RedisCommand? {
        guard let password = try password?.reveal(), !password.isEmpty else { return nil }
        if let username { return RedisCommand("AUTH", username, password) }
        return RedisCommand("AUTH", password)
    }
}

/// A key and the database that it is in.
public struct RedisKey: Sendable, Hashable {
    /// From 0.
    public var database: Int
    /// The key, which may have any byte in it.
    public var name: [UInt8]

    /// A key in a database.
    public init(database: Int = 0, name: [UInt8]) {
        self.database = database
        self.name = name
    }

    /// A key in a database.
    public init(database: Int = 0, key: String) {
        self.init(database: database, name: Array(key.utf8))
    }

    /// The key as a label's value has it: what is no UTF-8 is replaced.
    public var text: String { String(decoding: name, as: UTF8.self) }
}
