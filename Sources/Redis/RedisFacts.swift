/// What kind of server it is: what collectors have to know before they ask for anything.
struct RedisFacts: Sendable, Equatable {
    /// Another one for each start of a server.
    var runID = ""
    /// The Redis version that the server is compatible with: `[7, 0, 15]`; for Valkey, `[7, 2, 4]` whatever its own is.
    var redisVersion: [Int] = []
    /// `nil` where it is no Valkey.
    var valkeyVersion: [Int]?
    /// Whether it is a sentinel, which has no data.
    var isSentinel = false
    /// Whether it is a cluster's node.
    var isCluster = false
    /// Whether it follows another server.
    var isReplica = false

    init() {}

    /// What `INFO` says.
    init(_ info: Info) {
        runID = info["run_id"]?.text ?? ""
        redisVersion = info["redis_version"]?.version ?? []
        valkeyVersion = info["valkey_version"]?.version
        // Valkey calls the field by another name, unless it is told to be compatible.
        isSentinel = (info["redis_mode"] ?? info["server_mode"])?.equals("sentinel") ?? false
        isCluster = info["cluster_enabled"]?.equals("1") ?? false
        isReplica = info["role"]?.equals("slave") ?? false
    }

    /// Whether the server has what Redis has since that version.
    func isRedis(_ version: Int...) -> Bool {
        !redisVersion.lexicographicallyPrecedes(version)
    }

    /// Whether the server is a Valkey of at least that version.
    func isValkey(_ version: Int...) -> Bool {
        valkeyVersion.map { !$0.lexicographicallyPrecedes(version) } ?? false
    }
}

extension Info.Text {
    /// `7.0.15` as numbers, as far as they go.
    fileprivate var version: [Int] {
        split(separator: UInt8(ascii: ".")).prefix(3).map { Int($0.prefix { 48...57 ~= $0 }.text) ?? 0 }
    }
}
