import NIOCore
import Scraping
import Synchronization

/// The connections that are open and the requests under way on them. There is a limit to both that a new one does not run
/// into: the one goes that nobody waits for, or that its client neglects longest. So whoever asks and reads gets through
/// to a server that others hold on to, and memory is bounded all the same.
final class Connections: Sendable {
    /// What goes on with a request, or between two.
    enum Activity {
        /// The next request is not there, or not all of it.
        case waiting
        case answering
        case writing
    }

    private struct Connection {
        let channel: any Channel
        /// Its start, or the end of its last answer.
        var lastUse = ContinuousClock.now
    }

    private struct Request {
        /// The connection, or one stream of it.
        let channel: any Channel
        let connection: ObjectIdentifier
        let isWritten: Bool
        let start = ContinuousClock.now
    }

    private struct State {
        var open: [ObjectIdentifier: Connection] = [:]
        var requests: [ObjectIdentifier: Request] = [:]
        var isDraining = false

        /// The connection without a request under way that has been so for longest.
        var longestWaiting: ObjectIdentifier? {
            let busy = Set(requests.values.map(\.connection))
            return open.lazy.filter { !busy.contains($0.key) }.min { $0.value.lastUse < $1.value.lastUse }?.key
        }
    }

    private let limit: Int
    private let writerLimit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: How many may be open; a quarter of the files that the process may open where that is less, since those
    ///     who connect must not keep the targets from being read.
    ///   - writers: How many answers may be on their way at one time, each of which holds its bytes.
    init(limit: Int, writers: Int) {
        self.limit = min(limit, max(1, DescriptorLimit.current / 4))
        writerLimit = writers
    }

    /// How many are open.
    var count: Int { state.withLock { $0.open.count } }

    /// Whether the server is about to go.
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Takes a new connection in until it closes. Where there are too many, the one is closed that has been without a
    /// request for longest: a scraper connects again, and who drips a request has had the most time for it.
    ///
    /// - Returns: Whether there is room for it.
    func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (isAdmitted, outdated) = state.withLock { state in
            guard !state.isDraining else { return (false, nil as (any Channel)?) }
            var outdated: (any Channel)?
            if state.open.count >= limit {
                guard let longest = state.longestWaiting else { return (false, nil) }
                outdated = state.open.removeValue(forKey: longest)?.channel
            }
            state.open[id] = Connection(channel: channel)
            return (true, outdated)
        }
        outdated?.close(promise: nil)
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in _ = self.state.withLock { $0.open.removeValue(forKey: id) } }
        }
        return isAdmitted
    }

    /// Says what goes on with a request. Where too many answers are on their way, the one is cut that has been so for
    /// longest.
    ///
    /// - Parameter channel: An open connection, or one stream of it.
    func note(_ activity: Activity, on channel: any Channel) {
        let id = ObjectIdentifier(channel)
        let slowest = state.withLock { state -> (any Channel)? in
            let connection = state.open[id] == nil ? channel.parent.map { ObjectIdentifier($0) } ?? id : id
            guard activity != .waiting else {
                state.requests[id] = nil
                state.open[connection]?.lastUse = .now
                return nil
            }
            state.requests[id] = Request(channel: channel, connection: connection, isWritten: activity == .writing)
            let writers = state.requests.values.filter(\.isWritten)
            return writers.count > writerLimit ? writers.min { $0.start < $1.start }?.channel : nil
        }
        slowest?.close(promise: nil)
    }

    /// Admits no connection from now on.
    ///
    /// - Returns: Whether this is the first call.
    func beginDraining() -> Bool {
        state.withLock { state in
            defer { state.isDraining = true }
            return !state.isDraining
        }
    }

    /// Returns when all connections are closed: the idle ones at once, the others when their answer is written, and after
    /// `grace` whatever is left.
    ///
    /// - Returns: How many had to be cut.
    func drain(within grace: Duration) async -> Int {
        let open = state.withLock { $0.open.values.map(\.channel) }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        let cut = Task {
            try await Task.sleep(for: grace)
            let late = state.withLock { $0.open.values.map(\.channel) }
            for channel in late { channel.close(promise: nil) }
            return late.count
        }
        // A close future never fails.
        for channel in open { try? await channel.closeFuture.get() }
        cut.cancel()
        return (try? await cut.value) ?? 0
    }
}
