import Exposition
import Scraping

/// Each connection to the server, which `CLIENT LIST` goes through one by one.
struct ClientsCollector: RedisCollector {
    let name = "redis_clients"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { [Self.info] + (Self.times + Self.figures).map(\.entry) }

    private static let info = CatalogueEntry(
        "redis_connected_client_info", .gauge, "Always 1; a connection, in its labels",
        labels: ["id", "name", "flags", "db", "host", "port", "user", "resp"], source: "CLIENT LIST")

    private typealias Row = (field: StaticString, entry: CatalogueEntry)

    /// Ages in seconds, which are shown as the time when they began.
    private static let times: [Row] = [
        row("age", "created_at_timestamp", "When the client connected, in seconds since 1970"),
        row("idle", "idle_since_timestamp", "When the client last sent something, in seconds since 1970"),
    ]
    private static let figures: [Row] = [
        row("sub", "channel_subscriptions_count", "Channels that the client is subscribed to"),
        row("psub", "pattern_matching_subscriptions_count", "Patterns that the client is subscribed to"),
        row(
            "ssub", "shard_channel_subscriptions_count", "Shard channels that the client is subscribed to",
            "Redis 7.0.3+"),
        row("watch", "shard_channel_watched_keys", "Keys that the client has under WATCH", "Redis 7.4+"),
        row("qbuf", "query_buffer_length_bytes", "Bytes of the client's query buffer in use"),
        row("qbuf-free", "query_buffer_free_space_bytes", "Bytes of the client's query buffer that are free"),
        row("obl", "output_buffer_length_bytes", "Bytes in the client's fixed buffer of replies"),
        row("oll", "output_list_length", "Replies that wait for room in the client's fixed buffer"),
        row("omem", "output_buffer_memory_usage_bytes", "Bytes of the replies that wait for room in the fixed buffer"),
        row("tot-mem", "total_memory_consumed_bytes", "Bytes of all buffers of the client", "Redis 6.2+"),
    ]

    private static func row(
        _ field: StaticString, _ metric: String, _ meaning: String, _ versions: String? = nil
    ) -> Row {
        (
            field,
            CatalogueEntry(
                "redis_connected_client_\(metric)", .gauge, meaning, labels: ["id", "name"],
                source: "CLIENT LIST \(field)", versions: versions)
        )
    }

    private static let list = RedisCommand("CLIENT LIST", isOptional: true)
    private let includesPorts: Bool

    init(_ options: RedisServerOptions) {
        includesPorts = options.includesClientPorts
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { [.info, Self.list] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let clients = try replies.text(Self.list).split(separator: UInt8(ascii: "\n")).compactMap(ClientLine.init)
        let now = InfoInstance.now(try replies.info)
        let labels = clients.map { ["id": $0.id, "name": $0.name] as Labels }

        var info = MetricFamily(Self.info.descriptor)
        for client in clients { info.append(1, self.labels(of: client)) }
        return [info]
            + Self.times.map { Self.family($0, clients, labels) { now - $0 } }
            + Self.figures.map { Self.family($0, clients, labels) { $0 } }
    }

    private static func family(
        _ row: Row, _ clients: [ClientLine], _ labels: [Labels], _ value: (Double) -> Double
    ) -> MetricFamily {
        var family = MetricFamily(row.entry.descriptor)
        for (client, labels) in zip(clients, labels) {
            if let number = client[row.field]?.number { family.append(value(number), labels) }
        }
        return family
    }

    private func labels(of client: ClientLine) -> Labels {
        let (host, port) = client.address
        var labels = [("id", client.id), ("name", client.name), ("host", host)]
        if includesPorts { labels.append(("port", port)) }
        for field in ["flags", "db", "user", "resp"] as [StaticString] {
            if let value = client[field] { labels.append((field.description, value.text)) }
        }
        return Labels(labels)
    }
}

/// A line of `CLIENT LIST`, such as `id=7 addr=127.0.0.1:4711 laddr=127.0.0.1:6379 fd=8 name=web age=6 idle=0 flags=N`.
struct ClientLine {
    private(set) var id = ""
    let name: String
    private var fields: [(name: Info.Text, value: Info.Text)] = []

    /// - Returns: `nil` for what is no such line.
    init?(_ line: Info.Text) {
        // Clients name themselves, on some servers with anything but an end of line, which must not be taken for a
        // field. So the name goes from where it first may begin to where it last may end.
        let begin = line.firstRange(of: Array(" name=".utf8))
        let end = line.ranges(of: Array(" age=".utf8)).last
        if let begin, let end, begin.upperBound <= end.lowerBound {
            name = line[begin.upperBound..<end.lowerBound].text
            fields = Self.fields(line[..<begin.lowerBound]) + Self.fields(line[end.lowerBound...])
        } else {
            name = ""
            fields = Self.fields(line)
        }
        guard let id = self["id"] else { return nil }
        self.id = id.text
    }

    subscript(field: StaticString) -> Info.Text? {
        fields.first { $0.name.equals(field) }?.value
    }

    /// What the client has connected from: `127.0.0.1` and `4711`, `[::1]` and `4711`, the path of a socket and `0`.
    var address: (host: String, port: String) {
        guard let address = self["addr"] else { return ("", "") }
        guard let colon = address.lastIndex(of: UInt8(ascii: ":")) else { return (address.text, "") }
        return (address[..<colon].text, address[(colon + 1)...].text)
    }

    /// `a=1 b=2 3` as 1 and `2 3`: the path of a socket may have spaces.
    private static func fields(_ text: Info.Text) -> [(name: Info.Text, value: Info.Text)] {
        var fields: [(name: Info.Text, value: Info.Text)] = []
        for word in text.split(separator: UInt8(ascii: " ")) {
            if let equals = word.firstIndex(of: UInt8(ascii: "=")) {
                fields.append((word[..<equals], word[(equals + 1)...]))
            } else if let last = fields.last {
                fields[fields.count - 1].value = text[last.value.startIndex..<word.endIndex]
            }
        }
        return fields
    }
}
