/// The nodes of a cluster and who has which keys, as `CLUSTER NODES` says: one line for each node.
///
/// `id 10.0.0.1:6379@16379,host flags master-id ping pong epoch link slot first-last [slot->-id]`; the host stands there
/// since Redis 7 where one is announced.
struct ClusterNodes: Sendable, Equatable {
    struct Node: Sendable, Equatable {
        /// By its IP address.
        let address: RedisSettings.Address
        /// By its host's name, where it announces one.
        let namedAddress: RedisSettings.Address?
        /// Whether it is the node that was asked.
        let isMyself: Bool
        /// Whether it has slots.
        let hasSlots: Bool
    }

    /// In the order of their addresses.
    let nodes: [Node]
    /// For each slot the index of its master, -1 where none serves it.
    private let owners: [Int16]

    /// - Parameters:
    ///   - reply: What was answered.
    ///   - seed: The address under which the node that answered was reached: one that has not met another does not know its
    ///     own.
    /// - Returns: `nil` where no line is that of the node that answered.
    init?(_ reply: [UInt8], askedAt seed: RedisSettings.Address) {
        var found: [(node: Node, slots: [ClosedRange<Int>])] = []
        for line in reply.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count >= 8, let (address, host) = Self.addresses(fields[1], askedAt: seed) else { continue }
            let flags = fields[2].split(separator: ",")
            // Nobody knows yet, or any more, where these are.
            if flags.contains("handshake") || flags.contains("noaddr") { continue }
            let slots = flags.contains("master") ? fields[8...].compactMap(Self.slots) : []
            let node = Node(
                address: address, namedAddress: host, isMyself: flags.contains("myself"), hasSlots: !slots.isEmpty)
            found.append((node, slots))
        }
        guard found.contains(where: \.node.isMyself) else { return nil }
        found.sort { $0.node.address.description < $1.node.address.description }
        nodes = found.map(\.node)
        var owners = [Int16](repeating: -1, count: HashSlot.count)
        for (index, (_, slots)) in found.enumerated() {
            for slot in slots.joined() where owners.indices.contains(slot) {
                owners[slot] = Int16(truncatingIfNeeded: index)
            }
        }
        self.owners = owners
    }

    /// The node that serves a slot.
    subscript(slot: HashSlot) -> Node? {
        let owner = Int(owners[slot.number])
        return nodes.indices.contains(owner) ? nodes[owner] : nil
    }

    private static func addresses(
        _ field: String, askedAt seed: RedisSettings.Address
    ) -> (RedisSettings.Address, RedisSettings.Address?)? {
        let parts = field.split(separator: ",", omittingEmptySubsequences: false)
        guard let endpoint = parts.first?.prefix(while: { $0 != "@" }), let colon = endpoint.lastIndex(of: ":"),
            let port = Int(endpoint[endpoint.index(after: colon)...]), 1...65535 ~= port
        else { return nil }
        let ip = String(endpoint[..<colon])
        guard !ip.isEmpty || seed.host != nil else { return (seed, nil) }
        // Behind the host there may be further fields, each a name and a value.
        let host = parts.dropFirst().first { !$0.isEmpty && !$0.contains("=") }
        return (
            .tcp(host: ip.isEmpty ? seed.host ?? "" : ip, port: port), host.map { .tcp(host: String($0), port: port) }
        )
    }

    /// `5461-10922` or `5461`; not `[93->-id]`, which tells of a slot on its way.
    private static func slots(_ field: String) -> ClosedRange<Int>? {
        let ends = field.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, 0 <= first, first <= last,
            last < HashSlot.count
        else { return nil }
        return first...last
    }
}

/// Which of a cluster's slots a key is in: the CRC16 of what stands in its first braces, or of all of it.
struct HashSlot: Sendable, Hashable {
    /// How many slots a cluster has.
    static let count = 16384

    let number: Int

    init(of key: some BidirectionalCollection<UInt8>) {
        var hashed = key[...]
        if let open = key.firstIndex(of: UInt8(ascii: "{")) {
            let tag = key[key.index(after: open)...].prefix { $0 != UInt8(ascii: "}") }
            if !tag.isEmpty, tag.endIndex < key.endIndex { hashed = tag }
        }
        var crc: UInt16 = 0
        for byte in hashed { crc = crc << 8 ^ Self.table[Int(UInt8(crc >> 8) ^ byte)] }
        number = Int(crc) % Self.count
    }

    /// CRC-16/XMODEM: the polynomial 0x1021, from 0.
    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }
}
