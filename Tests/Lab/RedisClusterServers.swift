import Foundation

/// A real Redis cluster on loopback: masters that share all slots evenly, and a replica of the first of them.
public final class RedisClusterServers: Sendable {
    /// The masters, in the order of their slots.
    public let masters: [RedisServer]
    /// Follows the first master.
    public let replica: RedisServer

    private static let slots = 16384

    /// Starts the servers and waits until all of them agree that the cluster is complete.
    public init(masters count: Int = 3) async throws {
        var servers: [RedisServer] = []
        for _ in 0...count {
            servers.append(
                try await RedisServer(
                    "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
                    "--cluster-require-full-coverage", "no"))
        }
        masters = Array(servers.dropLast())
        replica = servers[count]
        for (index, master) in masters.enumerated() {
            let (first, end) = (index * Self.slots / count, (index + 1) * Self.slots / count)
            try await master.cli("CLUSTER", "ADDSLOTSRANGE", "\(first)", "\(end - 1)")
            try await master.cli("CONFIG", "SET", "cluster-announce-hostname", "node\(index).example")
            // As the cluster would see to it by itself, after a while.
            try await master.cli("CLUSTER", "SET-CONFIG-EPOCH", "\(index + 1)")
        }
        for server in servers.dropFirst() { try await server.cli("CLUSTER", "MEET", "127.0.0.1", "\(masters[0].port)") }
        let id = try await Self.id(of: masters[0])
        let knowEachOther = try await eventually(within: 60) {
            for server in servers {
                let info = try await server.cli("CLUSTER", "INFO")
                guard info.contains("cluster_state:ok"), info.contains("cluster_known_nodes:\(count + 1)"),
                    info.contains("cluster_slots_assigned:\(Self.slots)")
                else { return false }
            }
            return true
        }
        try await replica.cli("CLUSTER", "REPLICATE", id)
        let follows = try await eventually(within: 60) {
            guard try await replica.cli("INFO", "replication").contains("master_link_status:up") else { return false }
            for master in masters {
                guard try await master.cli("CLUSTER", "NODES").contains(" slave \(id) ") else { return false }
            }
            return true
        }
        guard knowEachOther, follows else {
            throw LabError("the cluster is not complete: \(try await masters[0].cli("CLUSTER", "NODES"))")
        }
    }

    /// What a node is called in its cluster.
    public static func id(of server: RedisServer) async throws -> String {
        try await server.cli("CLUSTER", "MYID").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs `redis-cli` on whichever node has the key, and returns what it prints.
    @discardableResult
    public func cli(_ arguments: String...) async throws -> String {
        try await run(["redis-cli", "-c", "-p", "\(masters[0].port)"] + arguments).output
    }
}
