import Scraping
import Synchronization

/// Passes over the keys of a database, of one master of a cluster after the other, in steps that keep below a number of
/// keys a second. A pass that is interrupted, by a connection that breaks, goes on where it was.
final class KeyScan: Sendable {
    private let pattern: RedisKey
    private let type: String?
    private let stepSize: Int
    private let pause: Duration
    private let progress = Mutex(Progress())

    /// How far the pass is.
    private struct Progress {
        /// The nodes whose keys have not all come, none between two passes.
        var left: [Position] = []
        /// All nodes that the pass has met.
        var met: Set<RedisSettings.Address?> = []
    }

    /// How far it is in one node.
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
    var isAtStart: Bool { progress.withLock { $0.left.isEmpty } }

    /// One pass, or the rest of the one before. A key may come more than once.
    ///
    /// - Parameter visit: What to do with the keys of a step; it says whether to go on. A pass that it ends is over.
    func pass(
        _ server: RedisBackground, visit: ([[UInt8]]) async throws(CollectorError) -> Bool
    ) async throws(CollectorError) {
        let nodes = try await server.keyNodes()
        progress.withLock { progress in
            if progress.left.isEmpty { progress.met = [] }
            // After a failover, the keys of a node that is gone are in one that is new.
            progress.left.removeAll { !nodes.contains($0.node) }
            progress.left += nodes.filter { !progress.met.contains($0) }.map { Position(node: $0) }
            progress.met.formUnion(nodes)
        }
        while let position = progress.withLock({ $0.left.first }) {
            var arguments: [any RedisArgument] = [position.cursor, "COUNT", stepSize]
            if pattern.name != Array("*".utf8) { arguments += ["MATCH", pattern.name] as [any RedisArgument] }
            if let type { arguments += ["TYPE", type] as [any RedisArgument] }
            let step = RedisCommand("SCAN", arguments: arguments, database: pattern.database)
            let reply: [RedisReply]
            do throws(CollectorError) {
                reply = try await server.ask([step], on: position.node).array(step)
            } catch {
                // The others come first the next time.
                progress.withLock { $0.left.append($0.left.removeFirst()) }
                throw error
            }
            guard reply.count == 2, let next = reply[0].text else {
                throw CollectorError(.internal, "SCAN was not answered as its documentation says")
            }
            let goesOn = try await visit(reply[1].elements.compactMap(\.text))
            let isOver = progress.withLock { progress in
                if !goesOn {
                    progress.left = []
                } else if next == Self.start {
                    progress.left.removeFirst()
                } else {
                    progress.left[0].cursor = next
                }
                return progress.left.isEmpty
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
