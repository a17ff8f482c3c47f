import Scraping
import Synchronization

/// A server and, where it is a node of a cluster, the others that have the keys: a command that looks at a key goes to the
/// master of that key, every other to the server itself.
///
/// There is one connection to each node, opened when a key of that node is first asked for.
final class RedisCluster: Sendable {
    private struct State {
        var nodes: ClusterNodes?
        /// The start of the server that said so: behind one name there may be another node the next time.
        var runID = ""
        var lastLook: ContinuousClock.Instant?
        var connections: [RedisSettings.Address: RedisConnection] = [:]
        var isShutDown = false
    }

    /// One command as a node has to get it.
    private struct Errand: Sendable {
        let command: RedisCommand
        /// `nil` for the server itself.
        var node: RedisSettings.Address?
        /// Whether the slot is on its way there, so that the node answers only who says that he knows.
        var isAsking = false
    }

    private let server: RedisConnection
    private let dialer: RedisDialer
    private let state = Mutex(State())

    /// How long what is known of the nodes stands, whatever goes wrong: once a scrape is often enough.
    private static let shortestInterval = Duration.seconds(1)
    /// How much of its time a scrape waits for one of the other nodes.
    private static let patience = 0.8
    private static let question = RedisCommand("CLUSTER NODES", isOptional: true)

    init(_ server: RedisConnection, _ dialer: RedisDialer) {
        self.server = server
        self.dialer = dialer
    }

    /// The addresses of all nodes that are known, the server itself among them; none where it is no cluster's node.
    ///
    /// - Parameter byName: Whether a node goes by its host's name where it announces one.
    func addresses(byName: Bool) -> [RedisSettings.Address] {
        guard server.facts.isCluster, let nodes = state.withLock({ $0.nodes }) else { return [] }
        return nodes.nodes.map { byName ? $0.namedAddress ?? $0.address : $0.address }
    }

    /// How many connections are open.
    var openConnections: Int {
        let others = state.withLock { Array($0.connections.values) }
        return others.count { $0.isOpen } + (server.isOpen ? 1 : 0)
    }

    /// Where keys are: each master of the cluster, or the server itself (`nil`).
    ///
    /// - Throws: Why the nodes are not known.
    func keyNodes(until deadline: Deadline) async throws(CollectorError) -> [RedisSettings.Address?] {
        guard server.facts.isCluster else { return [nil] }
        return try await nodes(until: deadline).nodes.filter(\.hasSlots).map(place)
    }

    /// Looks again which nodes there are.
    ///
    /// - Throws: Why they are not known.
    func refresh(until deadline: Deadline) async throws(CollectorError) {
        guard server.facts.isCluster else { return }
        state.withLock { $0.lastLook = .now }
        let reply = try await server.run([Self.question], until: deadline).text(Self.question)
        guard let nodes = ClusterNodes(reply, askedAt: dialer.settings.address) else {
            throw CollectorError(.internal, "CLUSTER NODES was not answered as its documentation says")
        }
        let known = Set(nodes.nodes.compactMap(place))
        let gone = state.withLock { state in
            state.nodes = nodes
            state.runID = server.facts.runID
            let gone = state.connections.filter { !known.contains($0.key) }
            for address in gone.keys { state.connections[address] = nil }
            return gone.values
        }
        for connection in gone { await connection.shutDown() }
    }

    /// Sends each command to where it belongs and waits for all replies, as ``RedisConnection/run(_:until:)`` does.
    ///
    /// What cannot be had because another node fails has that for its reason, and is no failure of the whole.
    func run(_ commands: [RedisCommand], until deadline: Deadline) async throws(CollectorError) -> RedisReplies {
        let facts = server.facts
        guard facts.isCluster, commands.contains(where: { $0.database != nil }) else {
            return try await server.run(commands, until: deadline)
        }
        var replies = RedisReplies()
        let askable = commands.filter { command in
            // Databases beside the first are there since Valkey 9.
            let hasDatabase = (command.database ?? 0) == 0 || facts.isValkey(9)
            if !hasDatabase { replies.fail(command, Self.oneDatabase) }
            return hasDatabase
        }
        var errands: [Errand] = []
        do throws(CollectorError) {
            let nodes = try await nodes(until: deadline)
            errands = askable.map { command in
                Errand(command: command, node: command.key.flatMap { nodes[HashSlot(of: $0)] }.flatMap(place))
            }
        } catch {
            for command in askable {
                if command.key == nil { errands.append(Errand(command: command)) } else { replies.fail(command, error) }
            }
        }
        replies.add(try await run(errands, until: deadline))
        let again = await redirected(errands, replies, until: deadline)
        if !again.isEmpty { replies.add(try await run(again, until: deadline)) }
        return replies
    }

    /// Sends commands to one node.
    ///
    /// - Parameter node: `nil` for the server itself.
    /// - Throws: Why there are no replies at all.
    func run(
        _ commands: [RedisCommand], on node: RedisSettings.Address?, until deadline: Deadline
    ) async throws(CollectorError) -> RedisReplies {
        guard let node else { return try await server.run(commands, until: deadline) }
        return try await connection(to: node).run(commands, until: deadline)
    }

    /// Closes the connections to the other nodes for good.
    func shutDown() async {
        let connections = state.withLock { state in
            state.isShutDown = true
            return Array(state.connections.values)
        }
        for connection in connections { await connection.shutDown() }
    }

    private static let oneDatabase = CollectorError(
        .unsupportedVersion, "a cluster has database 0 alone, and a key was named in another one")

    /// What is known of the nodes, which is asked for where nothing is.
    private func nodes(until deadline: Deadline) async throws(CollectorError) -> ClusterNodes {
        let known = state.withLock { $0.runID == server.facts.runID ? $0.nodes : nil }
        if let known { return known }
        try await refresh(until: deadline)
        guard let nodes = state.withLock({ $0.nodes }) else { throw .late }
        return nodes
    }

    /// Where a node is reached; `nil` for the server itself. A certificate is for the name rather than for the address.
    private func place(_ node: ClusterNodes.Node) -> RedisSettings.Address? {
        if node.isMyself { return nil }
        return dialer.settings.tls == nil ? node.address : node.namedAddress ?? node.address
    }

    private func connection(to node: RedisSettings.Address) throws(CollectorError) -> RedisConnection {
        try state.withLock { state throws(CollectorError) in
            if state.isShutDown { throw CollectorError(.connection, "the exporter is shutting down") }
            if let connection = state.connections[node] { return connection }
            let connection = RedisConnection(dialer.leading(to: node))
            state.connections[node] = connection
            return connection
        }
    }

    /// All nodes at once.
    ///
    /// - Throws: Why the server itself gave no replies at all.
    private func run(_ errands: [Errand], until deadline: Deadline) async throws(CollectorError) -> RedisReplies {
        let othersDeadline = deadline.limited(to: deadline.remaining * Self.patience)
        let own = errands.filter { $0.node == nil && !$0.isAsking }.map(\.command)
        return try await withTaskGroup(of: RedisReplies.self) { group in
            for (node, errands) in Dictionary(grouping: errands, by: \.node) {
                let commands = errands.filter { !$0.isAsking }.map(\.command)
                if node != nil, !commands.isEmpty {
                    group.addTask { await self.part(commands, on: node, until: othersDeadline) }
                }
                let asking = errands.filter(\.isAsking).map(\.command)
                if !asking.isEmpty {
                    group.addTask {
                        var replies = RedisReplies()
                        // It stands for the one command behind it; in the same database, so that nothing comes between.
                        for command in asking {
                            let word = RedisCommand("ASKING", database: command.database)
                            replies.add(await self.part([word, command], on: node, until: othersDeadline))
                        }
                        return replies
                    }
                }
            }
            let result: Result<RedisReplies, CollectorError>
            do throws(CollectorError) {
                result = .success(own.isEmpty ? RedisReplies() : try await self.server.run(own, until: deadline))
            } catch {
                result = .failure(error)
            }
            var parts: [RedisReplies] = []
            for await part in group { parts.append(part) }
            return result.map { own in parts.reduce(into: own) { $0.add($1) } }
        }.get()
    }

    /// What another node answers, with what it does not answer failed.
    private func part(
        _ commands: [RedisCommand], on node: RedisSettings.Address?, until deadline: Deadline
    ) async -> RedisReplies {
        do throws(CollectorError) {
            return try await run(commands, on: node, until: deadline).withoutFailure(of: commands)
        } catch {
            return RedisReplies(failure: error).withoutFailure(of: commands)
        }
    }

    /// What has to be sent again because a key is elsewhere than was known, after a look at where things are now.
    private func redirected(
        _ errands: [Errand], _ replies: RedisReplies, until deadline: Deadline
    ) async -> [Errand] {
        var again: [Errand] = []
        var unreached: [Errand] = []
        for errand in errands where errand.command.key != nil {
            let asked = errand.node ?? dialer.settings.address
            if let elsewhere = replies.refusal(of: errand.command).flatMap({ Redirection($0, from: asked) }) {
                again.append(
                    Errand(command: errand.command, node: elsewhere.address, isAsking: elsewhere.isAsking))
            } else if errand.node != nil, replies.failure(of: errand.command) != nil {
                unreached.append(errand)
            }
        }
        let isDue = state.withLock { state in
            state.lastLook.map { $0.duration(to: .now) >= Self.shortestInterval } ?? true
        }
        if isDue, !unreached.isEmpty || again.contains(where: { !$0.isAsking }) {
            try? await refresh(until: deadline)
        }
        guard let nodes = state.withLock({ $0.nodes }) else { return again }
        let own = nodes.nodes.first(where: \.isMyself)
        for index in again.indices where [own?.address, own?.namedAddress].contains(again[index].node) {
            again[index].node = nil
        }
        for errand in unreached {
            guard let key = errand.command.key, let owner = nodes[HashSlot(of: key)] else { continue }
            if place(owner) != errand.node { again.append(Errand(command: errand.command, node: place(owner))) }
        }
        return again
    }
}

/// `MOVED 3999 10.0.0.1:6381`, or `ASK` for a key whose slot is on its way.
private struct Redirection {
    let isAsking: Bool
    let address: RedisSettings.Address

    /// - Parameter node: Where the reply came from, which is the host of another port.
    init?(_ reply: RedisReply, from node: RedisSettings.Address) {
        guard case .error(let text) = reply else { return nil }
        let words = String(decoding: text.prefix(512), as: UTF8.self).split(separator: " ")
        guard words.count == 3, words[0] == "MOVED" || words[0] == "ASK", let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...]), 1...65535 ~= port
        else { return nil }
        let host = words[2][..<colon]
        isAsking = words[0] == "ASK"
        address = .tcp(host: host.isEmpty ? node.host ?? "localhost" : String(host), port: port)
    }
}
