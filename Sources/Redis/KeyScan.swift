import Scraping
import Synchronization

/// Passes over the keys of a database, of one master of a cluster after the other, in steps that keep below a number of
/// keys a second. A pass that is interrupted, by a connection that breaks, goes on where it was.
final class KeyScan: Sendable {
    private let pattern: RedisKey
    private let type: String?
    private let stepSize: Int
    private let pause: Duration
    private let left = Mutex<[Position]>([])

    /// How far the pass is in one node.
    private struct Position {
        let node: RedisSettings.Address?
        var cursor = KeyScan.start
    }

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
    var isAtStart: Bool { left.withLock { $0.isEmpty } }

    /// One pass, or the rest of the one before. A key may come more than once.
    ///
    /// - Parameter visit: What to do with the keys of a step; it says whether to go on. A pass that it ends is over.
    func pass(
        _ server: RedisBackground, visit: ([[UInt8]]) async throws(CollectorError) -> Bool
    ) async throws(CollectorError) {
        let nodes = try await server.keyNodes()
        left.withLock { left in
            left.removeAll { !nodes.contains($0.node) }
            if left.isEmpty { left = nodes.map { Position(node: $0) } }
        }
        while let position = left.withLock({ $0.first }) {
            var arguments: [any RedisArgument] = [position.cursor, "COUNT", stepSize]
            if pattern.name != Array("*".utf8) { arguments += ["MATCH", pattern.name] as [any RedisArgument] }
            if let type { arguments += ["TYPE", type] as [any RedisArgument] }
            let step = RedisCommand("SCAN", arguments: arguments, database: pattern.database)
            let reply: [RedisReply]
            do throws(CollectorError) {
                reply = try await server.ask([step], on: position.node).array(step)
            } catch {
                // The others come first the next time.
                left.withLock { $0.append($0.removeFirst()) }
                throw error
            }
            guard reply.count == 2, let next = reply[0].text else {
                throw CollectorError(.internal, "SCAN was not answered as its documentation says")
            }
            let goesOn = try await visit(reply[1].elements.compactMap(\.text))
            let isOver = left.withLock { left in
                if !goesOn {
                    left = []
                } else if next == Self.start {
                    left.removeFirst()
                } else {
                    left[0].cursor = next
                }
                return left.isEmpty
            }
            if isOver { return }
            do {
                try await Task.sleep(for: pause)
            } catch {
                throw .late
            }
        }
    }
}
