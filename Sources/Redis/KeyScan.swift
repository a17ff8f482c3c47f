import Scraping
import Synchronization

/// Passes over the keys of a database, in steps that keep below a number of keys a second. A pass that is interrupted, by a
/// connection that breaks, goes on where it was.
final class KeyScan: Sendable {
    private let pattern: RedisKey
    private let type: String?
    private let stepSize: Int
    private let pause: Duration
    private let cursor = Mutex<[UInt8]>(start)

    private static let start = Array("0".utf8)

    /// - Parameters:
    ///   - pattern: Of glob style; the database is the pattern's.
    ///   - type: What kind of keys: `stream`. Servers before Redis 6 do not know this.
    init(_ pattern: RedisKey, type: String? = nil, _ options: RedisKeyOptions) {
        self.pattern = pattern
        self.type = type
        stepSize = max(options.batchSize, 1)
        pause = .seconds(1) * (Double(stepSize) / Double(max(options.searchedPerSecond, 1)))
    }

    /// Whether the next pass begins at the beginning.
    var isAtStart: Bool { cursor.withLock { $0 == Self.start } }

    /// One pass, or the rest of the one before. A key may come more than once.
    ///
    /// - Parameter visit: What to do with the keys of a step; it says whether to go on. A pass that it ends is over.
    func pass(
        _ server: RedisBackground, visit: ([[UInt8]]) async throws(CollectorError) -> Bool
    ) async throws(CollectorError) {
        while true {
            var arguments: [any RedisArgument] = [cursor.withLock { $0 }, "COUNT", stepSize]
            if pattern.name != Array("*".utf8) { arguments += ["MATCH", pattern.name] as [any RedisArgument] }
            if let type { arguments += ["TYPE", type] as [any RedisArgument] }
            let step = RedisCommand("SCAN", arguments: arguments, database: pattern.database)
            let reply = try await server.ask([step]).array(step)
            guard reply.count == 2, let next = reply[0].text else {
                throw CollectorError(.internal, "SCAN was not answered as its documentation says")
            }
            let goesOn = try await visit(reply[1].elements.compactMap(\.text))
            cursor.withLock { $0 = goesOn ? next : Self.start }
            guard goesOn, next != Self.start else { return }
            do {
                try await Task.sleep(for: pause)
            } catch {
                throw .late
            }
        }
    }
}
