import Exposition
import Scraping

/// Configured streams, and those that match configured patterns, with their groups and consumers.
final class StreamsCollector: RedisCollector {
    let name = "redis_streams"

    var metrics: [CatalogueEntry] {
        (Self.streamFields + Self.groupFields + Self.consumerFields).map(\.entry) + [Self.oldestPendingAge]
    }

    /// What a family is about.
    private enum Level: String {
        case stream = "XINFO STREAM"
        case group = "XINFO GROUPS"
        case consumer = "XINFO CONSUMERS"

        var labels: [String] {
            switch self {
            case .stream: ["db", "stream"]
            case .group: ["db", "stream", "group"]
            case .consumer: ["db", "stream", "group", "consumer"]
            }
        }
    }

    /// A family, and how its value is found among the fields of a reply.
    private struct Field: Sendable {
        let entry: CatalogueEntry
        let field: [UInt8]
        let read: @Sendable (RedisReply) -> Double?

        init(
            _ level: Level, _ name: String, _ meaning: String, _ field: String, type: MetricType = .gauge,
            versions: String? = nil, read: @escaping @Sendable (RedisReply) -> Double? = { $0.number }
        ) {
            entry = CatalogueEntry(
                "redis_stream_\(name)", type, meaning, labels: level.labels, source: "\(level.rawValue): \(field)",
                versions: versions)
            self.field = Array(field.utf8)
            self.read = read
        }
    }

    private static let streamFields = [
        Field(.stream, "length", "Entries in the stream", "length"),
        Field(
            .stream, "radix_tree_keys", "Keys in the stream's radix tree, each for a block of entries",
            "radix-tree-keys"),
        Field(.stream, "radix_tree_nodes", "Nodes of the stream's radix tree", "radix-tree-nodes"),
        Field(.stream, "groups", "Consumer groups of the stream", "groups"),
        Field(
            .stream, "last_generated_id", "Milliseconds in the ID of the entry that was added last",
            "last-generated-id", read: { $0.streamID }),
        Field(
            .stream, "max_deleted_entry_id",
            "Milliseconds in the largest ID of an entry that was deleted; 0 where none was", "max-deleted-entry-id",
            versions: "Redis 7.0+", read: { $0.streamID }),
        Field(
            .stream, "first_entry_id", "Milliseconds in the ID of the first entry; 0 where there is none",
            "first-entry", read: { $0.idOfEntry }),
        Field(
            .stream, "last_entry_id", "Milliseconds in the ID of the last entry; 0 where there is none", "last-entry",
            read: { $0.idOfEntry }),
        Field(
            .stream, "entries_added_total", "Entries that were ever added to the stream", "entries-added",
            type: .counter, versions: "Redis 7.0+"),
    ]
    private static let groupFields = [
        Field(.group, "group_consumers", "Consumers of the group", "consumers"),
        Field(
            .group, "group_messages_pending",
            "Entries that were delivered to the group's consumers and not acknowledged", "pending"),
        Field(
            .group, "group_last_delivered_id",
            "Milliseconds in the ID of the entry that was delivered to the group last", "last-delivered-id",
            read: { $0.streamID }),
        Field(
            .group, "group_entries_read",
            "Entries of the stream up to the one that was delivered to the group last; absent where the server does "
                + "not know", "entries-read", versions: "Redis 7.0+"),
        Field(
            .group, "group_lag",
            "Entries that wait to be delivered to the group; absent where the server does not know, as where some of "
                + "them were deleted", "lag", versions: "Redis 7.0+"),
    ]
    private static let consumerFields = [
        Field(
            .consumer, "group_consumer_messages_pending",
            "Entries that were delivered to the consumer and not acknowledged", "pending"),
        Field(
            .consumer, "group_consumer_idle_seconds", "Seconds since the consumer last asked for entries", "idle",
            read: { $0.number.map { $0 / 1e3 } }),
    ]
    private static let oldestPendingAge = CatalogueEntry(
        "redis_stream_group_oldest_pending_age_seconds", .gauge,
        "Seconds since the oldest entry was added that was delivered to the group and not acknowledged; absent where "
            + "there is none, or where its ID is no time",
        labels: ["db", "stream", "group"], source: "XPENDING")

    let readsWhatWasNamed = true
    private let named: [RedisKey]
    private let search: KeySearch
    private let isConfigured: Bool
    private let includesConsumers: Bool

    init(_ settings: RedisSettings) {
        let options = settings.keys
        named = (options.singleStreams + options.streams.filter { !$0.isPattern }).unique
        search = KeySearch(options.streams.filter(\.isPattern).unique, type: "stream", options)
        isConfigured = !(options.singleStreams + options.streams).isEmpty
        includesConsumers = options.includesConsumers
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard !server.facts.isSentinel else { return }
        try await search.look(server)
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard isConfigured, !server.isSentinel else { return [] }
        return [.time] + streams.map(Self.type)
    }

    /// What a stream is asked, once it is known to be one, and then what its groups are asked.
    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        streams.flatMap { stream -> [RedisCommand] in
            guard (try? isStream(stream, replies)) == true else { return [] }
            let ofGroups = groups(of: stream, replies).flatMap { group -> [RedisCommand] in
                (includesConsumers ? [Self.consumers(of: group.name, stream)] : [])
                    + (group.hasPending ? [Self.pending(of: group.name, stream)] : [])
            }
            return [Self.stream(stream), Self.groups(of: stream)] + ofGroups
        }
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        guard isConfigured, !server.isSentinel else { return RedisRights() }
        let commands = ["TIME", "TYPE", "XINFO STREAM", "XINFO GROUPS", "XPENDING"]
        return RedisRights(commands: Set(commands + (includesConsumers ? ["XINFO CONSUMERS"] : [])), keys: named)
            + search.rights
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        var tables = Tables()
        var firstError: CollectorError?
        for stream in streams where replies.has(Self.type(stream)) {
            do throws(CollectorError) {
                try add(stream, replies, to: &tables)
            } catch {
                firstError = firstError ?? error
            }
        }
        if firstError == nil { do throws(CollectorError) { try replies.check() } catch { firstError = error } }
        return CollectorResult(families: tables.families, error: firstError)
    }

    private struct Tables {
        var streams = streamFields.map { MetricFamily($0.entry.descriptor) }
        var groups = groupFields.map { MetricFamily($0.entry.descriptor) }
        var oldestPendingAge = MetricFamily(StreamsCollector.oldestPendingAge.descriptor)
        var consumers = consumerFields.map { MetricFamily($0.entry.descriptor) }

        var families: [MetricFamily] { streams + groups + [oldestPendingAge] + consumers }
    }

    private func add(_ stream: RedisKey, _ replies: RedisReplies, to tables: inout Tables) throws(CollectorError) {
        guard try isStream(stream, replies) else { return }
        let labels: Labels = ["db": "db\(stream.database)", "stream": stream.text]
        Self.append(try replies[Self.stream(stream)], Self.streamFields, labels, to: &tables.streams)
        _ = try replies.array(Self.groups(of: stream))
        let now = replies.serverTime
        for group in groups(of: stream, replies) {
            let labels = labels.adding("group", String(decoding: group.name, as: UTF8.self))
            Self.append(group.reply, Self.groupFields, labels, to: &tables.groups)
            if let now, let age = try oldestPendingAge(of: group, stream, replies, now: now) {
                tables.oldestPendingAge.append(age, labels)
            }
            guard includesConsumers else { continue }
            for consumer in try replies.array(Self.consumers(of: group.name, stream)) {
                guard let name = consumer.fields[Array("name".utf8)]?.text else { continue }
                let labels = labels.adding("consumer", String(decoding: name, as: UTF8.self))
                Self.append(consumer, Self.consumerFields, labels, to: &tables.consumers)
            }
        }
    }

    private static func append(
        _ reply: RedisReply, _ fields: [Field], _ labels: Labels, to families: inout [MetricFamily]
    ) {
        let values = reply.fields
        for (index, field) in fields.enumerated() {
            if let value = values[field.field].flatMap(field.read) { families[index].append(value, labels) }
        }
    }

    /// The IDs that the server makes begin with the time; ones that somebody else made may be anything.
    private func oldestPendingAge(
        of group: Group, _ stream: RedisKey, _ replies: RedisReplies, now: Double
    ) throws(CollectorError) -> Double? {
        guard group.hasPending else { return nil }
        let summary = try replies.array(Self.pending(of: group.name, stream))
        guard summary.count > 1, case .string = summary[1], let id = summary[1].streamID else { return nil }
        let age = now - id / 1e3
        let year2000 = 946_684_800.0, day = 86400.0
        return id / 1e3 >= year2000 && age > -day ? max(age, 0) : nil
    }

    private struct Group {
        let name: [UInt8]
        let hasPending: Bool
        let reply: RedisReply
    }

    private func groups(of stream: RedisKey, _ replies: RedisReplies) -> [Group] {
        ((try? replies.array(Self.groups(of: stream))) ?? []).compactMap { reply in
            let fields = reply.fields
            guard let name = fields[Array("name".utf8)]?.text else { return nil }
            return Group(name: name, hasPending: fields[Array("pending".utf8)]?.number ?? 0 > 0, reply: reply)
        }
    }

    private func isStream(_ key: RedisKey, _ replies: RedisReplies) throws(CollectorError) -> Bool {
        try replies.text(Self.type(key)) == Array("stream".utf8)
    }

    private var streams: [RedisKey] {
        let found = search.keys
        return found.isEmpty ? named : (named + found).unique
    }

    private static func type(_ key: RedisKey) -> RedisCommand {
        RedisCommand("TYPE", key.name, database: key.database)
    }

    private static func stream(_ key: RedisKey) -> RedisCommand {
        RedisCommand("XINFO STREAM", key.name, database: key.database)
    }

    private static func groups(of key: RedisKey) -> RedisCommand {
        RedisCommand("XINFO GROUPS", key.name, database: key.database)
    }

    private static func consumers(of group: [UInt8], _ key: RedisKey) -> RedisCommand {
        RedisCommand("XINFO CONSUMERS", key.name, group, database: key.database)
    }

    private static func pending(of group: [UInt8], _ key: RedisKey) -> RedisCommand {
        RedisCommand("XPENDING", key.name, group, database: key.database)
    }
}

extension RedisReply {
    /// The milliseconds of an ID such as `1795267279116-0`.
    fileprivate var streamID: Double? {
        text.flatMap { $0.prefix { $0 != UInt8(ascii: "-") }.number }
    }

    /// The same of the ID of an entry; 0 where there is no entry.
    fileprivate var idOfEntry: Double? {
        if case .null = self { 0 } else { elements.first?.streamID }
    }
}
