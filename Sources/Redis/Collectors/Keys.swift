import Exposition
import Scraping

/// Sizes, memory and values of configured keys, and of those that match configured patterns.
final class KeysCollector: RedisCollector {
    let name = "redis_keys"

    var metrics: [CatalogueEntry] { [Self.size, Self.memory, Self.value, Self.valueAsString] }

    private static let size = CatalogueEntry(
        "redis_key_size", .gauge,
        "Elements of a checked key, bytes of a string, or how many things a HyperLogLog has seen; 0 where a key that "
            + "is checked by its name is not there",
        labels: ["db", "key"], source: "LLEN, SCARD, ZCARD, HLEN, XLEN, ARCOUNT, STRLEN, PFCOUNT")
    private static let memory = CatalogueEntry(
        "redis_key_memory_usage_bytes", .gauge,
        "Bytes that a checked key takes, its value and what the server keeps about it; those of a large collection are "
            + "estimated by a few of its elements",
        labels: ["db", "key"], source: "MEMORY USAGE", versions: "Redis 4+")
    private static let value = CatalogueEntry(
        "redis_key_value", .gauge, "The value of a checked string that is a number", labels: ["db", "key"],
        source: "GETRANGE")
    private static let valueAsString = CatalogueEntry(
        "redis_key_value_as_string", .gauge,
        "1, with the value of a checked string that is no number and has at most \(textLimit) bytes as val",
        labels: ["db", "key", "val"], source: "GETRANGE")

    /// The longest value that is read. A string may have half a gigabyte, of which a label has no use.
    private static let textLimit = 128

    /// The command that tells the size, by the type of a key.
    private static let sizeCommands = [
        "string": "STRLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN",
        "array": "ARCOUNT",
    ]

    let readsWhatWasNamed = true
    /// Keys by their names, which have a size also where they are not there.
    private let named: [RedisKey]
    private let search: KeySearch
    private let patternCount: Int
    private let options: RedisKeyOptions

    init(_ settings: RedisSettings) {
        options = settings.keys
        named = (options.checkedSingle + options.checked.filter { !$0.isPattern }).unique
        let patterns = options.checked.filter(\.isPattern).unique
        search = KeySearch(patterns, options)
        patternCount = patterns.count
    }

    func look(_ server: RedisBackground) async throws(CollectorError) {
        guard isWanted(server.facts) else { return }
        try await search.look(server)
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] {
        guard isWanted(server) else { return [] }
        // INFO keeps a pattern that nothing matches from being nothing to collect.
        return [.info] + keys.flatMap { [Self.type(of: $0), Self.memory(of: $0)] }
    }

    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        keys.flatMap { key -> [RedisCommand] in
            guard let type = try? replies.text(Self.type(of: key)), let size = Self.size(of: key, type) else {
                return []
            }
            guard type == Array("string".utf8) else { return [size] }
            let text = text(of: key)
            guard let length = try? replies.integer(size), let header = try? replies.text(text),
                let sketch = HyperLogLog(header, length: length), sketch.cardinality == nil
            else { return [size, text] }
            return [size, text, Self.count(of: key)]
        }
    }

    func rights(_ server: RedisFacts) -> RedisRights {
        guard isWanted(server) else { return RedisRights() }
        let commands = ["TYPE", "MEMORY USAGE", "GETRANGE", "PFCOUNT"] + Self.sizeCommands.values
        return RedisRights(commands: Set(commands), keys: named) + search.rights
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        // The server may have been made a master since the connection was opened.
        guard isWanted(server) else { return CollectorResult() }
        var tables = Tables()
        var firstError: CollectorError?
        let named = Set(named)
        for key in keys where replies.has(Self.type(of: key)) {
            do throws(CollectorError) {
                try add(key, isNamed: named.contains(key), replies, to: &tables)
                try checkPermission(Self.memory(of: key), replies)
            } catch {
                firstError = firstError ?? error
            }
        }
        if firstError == nil { do throws(CollectorError) { try replies.check() } catch { firstError = error } }
        return CollectorResult(
            families: [tables.size, tables.memory, tables.value, tables.valueAsString], error: firstError)
    }

    private struct Tables {
        var size = MetricFamily(KeysCollector.size.descriptor)
        var memory = MetricFamily(KeysCollector.memory.descriptor)
        var value = MetricFamily(KeysCollector.value.descriptor)
        var valueAsString = MetricFamily(KeysCollector.valueAsString.descriptor)
    }

    private func add(
        _ key: RedisKey, isNamed: Bool, _ replies: RedisReplies, to tables: inout Tables
    ) throws(CollectorError) {
        let labels: Labels = ["db": "db\(key.database)", "key": key.text]
        let type = try replies.text(Self.type(of: key))
        guard type != Array("none".utf8) else {
            if isNamed { tables.size.append(0, labels) }
            return
        }
        // Where that cannot be asked, the size still can.
        if case .integer(let bytes) = try? replies[Self.memory(of: key)] { tables.memory.append(Double(bytes), labels) }
        // Types of modules have no size that could be asked for.
        guard let size = Self.size(of: key, type) else { return }
        let length = try replies.integer(size)
        guard type == Array("string".utf8) else { return tables.size.append(Double(length), labels) }

        let text = try replies.text(text(of: key))
        if let sketch = HyperLogLog(text, length: length) {
            if let count = sketch.cardinality { return tables.size.append(Double(count), labels) }
            return tables.size.append(Double(try replies.integer(Self.count(of: key))), labels)
        }
        tables.size.append(Double(length), labels)
        guard options.includesValues, 1...Self.textLimit ~= Int(length) else { return }
        if let number = text[...].number {
            tables.value.append(number, labels)
        } else if let string = String(validating: text, as: UTF8.self) {
            tables.valueAsString.append(1, labels.adding("val", string))
        }
    }

    private func checkPermission(_ command: RedisCommand, _ replies: RedisReplies) throws(CollectorError) {
        guard case .error(let text) = replies.refusal(of: command) else { return }
        let error = CollectorError(text, to: command)
        if error.reason == .permission { throw error }
    }

    private func isWanted(_ server: RedisFacts) -> Bool {
        !(named.isEmpty && patternCount == 0) && !server.isSentinel && !(options.skipsMasters && !server.isReplica)
    }

    private var keys: [RedisKey] {
        let found = search.keys
        return found.isEmpty ? named : (named + found).unique
    }

    private static func type(of key: RedisKey) -> RedisCommand {
        RedisCommand("TYPE", key.name, database: key.database)
    }

    private static func memory(of key: RedisKey) -> RedisCommand {
        RedisCommand("MEMORY USAGE", key.name, database: key.database, isOptional: true)
    }

    private static func size(of key: RedisKey, _ type: [UInt8]) -> RedisCommand? {
        sizeCommands[String(decoding: type, as: UTF8.self)].map {
            RedisCommand($0, key.name, database: key.database)
        }
    }

    /// The beginning of a string: all of one that may be shown, and the header of a HyperLogLog.
    private func text(of key: RedisKey) -> RedisCommand {
        let length = options.includesValues ? Self.textLimit : HyperLogLog.headerLength
        return RedisCommand("GETRANGE", key.name, 0, length - 1, database: key.database)
    }

    private static func count(of key: RedisKey) -> RedisCommand {
        RedisCommand("PFCOUNT", key.name, database: key.database)
    }
}

/// What the header of a HyperLogLog says. The server keeps one as a string, and has no command that tells whether a
/// string is one without an error where it is not.
struct HyperLogLog {
    /// `HYLL`, one byte for the encoding, three that are not used, eight for the count as it was last computed.
    static let headerLength = 16
    /// The length of one whose registers all have their place.
    private static let denseLength = 16 + 16384 * 6 / 8

    /// How many different things it has seen, as `PFCOUNT` said the last time; `nil` where it has changed since.
    let cardinality: UInt64?

    /// - Parameters:
    ///   - text: The beginning of a string.
    ///   - length: How long the string is.
    /// - Returns: `nil`, where the server would not take the string for a HyperLogLog.
    init?(_ text: [UInt8], length: Int64) {
        guard text.count >= Self.headerLength, text.starts(with: "HYLL".utf8) else { return nil }
        switch text[4] {
        case 0: guard length == Self.denseLength else { return nil }
        case 1: break
        default: return nil
        }
        let count = text[8..<16].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        cardinality = count >> 63 == 0 ? count : nil
    }
}

extension [RedisKey] {
    /// Each once, where it first stands.
    var unique: [RedisKey] {
        var seen = Set<RedisKey>(minimumCapacity: count)
        return filter { seen.insert($0).inserted }
    }
}
