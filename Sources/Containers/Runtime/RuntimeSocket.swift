import Glibc
import NIOCore
import Scraping
import Synchronization

/// An engine behind its socket, and what it tells: a list of all containers once, details of each once per start, and from
/// then on what its events say is new.
///
/// It is connected to when a scrape finds that it is not. Nothing here makes a scrape wait; a scrape may wait for the
/// signals.
final class RuntimeSocket: Sendable {
    /// How many containers are asked for at the same time.
    private static let maximumQuestions = 4
    /// What a worker leaves between two questions when it has seen all containers once, so that an engine in trouble is not
    /// asked more than some hundred times in a second.
    private static let pause = Duration.milliseconds(5)
    /// How long a container that the engine could not tell of is left alone.
    private static let patience = Duration.seconds(30)
    /// For how long a connection has to last to be a good one.
    private static let steadiness = Duration.seconds(5)

    private static let listLimits = RuntimeClient.Limits(
        bytes: 16 << 20, objectBytes: 1 << 20, duration: .seconds(30))
    private static let detailLimits = RuntimeClient.Limits(
        bytes: 1 << 20, objectBytes: 1 << 20, duration: .seconds(5))
    private static let eventLimits = RuntimeClient.Limits(
        bytes: nil, objectBytes: 256 << 10, duration: .seconds(5))

    /// What changes what a page shows, in Docker's words and, where it filters by others, in Podman's. Each health check is
    /// three further events, which stay out.
    private static let events = [
        "create", "start", "restart", "die", "died", "cleanup", "oom", "destroy", "remove",
        "rename", "pause", "unpause", "update", "health_status",
    ]

    /// Where the engine listens.
    let path: String
    /// Whether nobody said that there is one.
    let isOptional: Bool
    private let settings: ContainersTarget.Settings
    private let client: RuntimeClient
    private let state = Mutex(State())

    private struct State {
        var isClosed = false
        var tasks: [Int: Task<Void, Never>] = [:]
        var lastTask = 0
        var session: Session?
        var inventory = RuntimeInventory()
        var placement: RuntimeAnswers.Placement?
        /// Whether somebody waited for it in vain since it last answered.
        var isLate = false
        var answered: ContinuousClock.Instant?
        var backOff = BackOff()
        var failure: CollectorError?
        /// Whether the failure is over only when a connection has lasted.
        var wasUnsteady = false
        /// Containers that a scrape has asked about.
        var asked: Set<String> = []
        /// Since when the engine could not tell of them.
        var doubted: [String: ContinuousClock.Instant] = [:]

        /// The failure, as long as it is not over.
        var presentFailure: CollectorError? {
            let age = session?.listed?.duration(to: .now)
            return age.map { !wasUnsteady || $0 >= RuntimeSocket.steadiness } ?? false ? nil : failure
        }

        mutating func noteAnswer() {
            answered = .now
            isLate = false
        }
    }

    /// From a connection to the stream of events to its end.
    private struct Session {
        let id: Int
        /// Fires when all containers are known, or the session has ended.
        let ready = Signal()
        private(set) var isReady = false
        /// When the list was there.
        var listed: ContinuousClock.Instant?
        /// Whether the engine is being asked whether it is alive.
        var isPinging = false
        /// To be asked about, the last one first; each once.
        var queue: [String] = []
        var queued: Set<String> = []
        /// Being asked about; `true` where that has to be done again.
        var questions: [String: Bool] = [:]
        var workers = 0
        /// What scrapes wait for.
        var waiting: [(ids: Set<String>, signal: Signal)] = []

        mutating func enqueue(_ id: String) {
            if queue.count < RuntimeInventory.maximumCount, queued.insert(id).inserted { queue.append(id) }
        }

        /// Notes that nothing is left to be asked.
        mutating func rest() {
            isReady = true
            ready.fire()
        }

        mutating func finish(_ id: String) {
            for index in waiting.indices {
                waiting[index].ids.remove(id)
                if waiting[index].ids.isEmpty { waiting[index].signal.fire() }
            }
            waiting.removeAll { $0.ids.isEmpty }
        }
    }

    init(_ path: String, isOptional: Bool, _ settings: ContainersTarget.Settings, group: any EventLoopGroup) {
        self.path = path
        self.isOptional = isOptional
        self.settings = settings
        client = RuntimeClient(path: path, group: group)
    }

    // MARK: What scrapes ask

    /// What the engine has told, and whether that holds now.
    struct Snapshot: Sendable {
        let entries: [String: RuntimeInventory.Entry]
        let placement: RuntimeAnswers.Placement?
        /// Whether the engine's events are being followed, and it has not been found to hang.
        let isCurrent: Bool
        /// Why the engine cannot be asked, for the log; `nil` where it can, or is not there though nobody said that it is.
        fileprivate(set) var failure: CollectorError?
    }

    /// What is known, and why no more, at one moment.
    var snapshot: Snapshot {
        var snapshot = state.withLock { state in
            Snapshot(
                entries: state.inventory.entries, placement: state.placement, isCurrent: state.session?.listed != nil,
                failure: state.presentFailure)
        }
        if snapshot.failure != nil, isOptional, access(path, F_OK) != 0 { snapshot.failure = nil }
        return snapshot
    }

    /// Grows with every change of what containers are known to be.
    var revision: Int { state.withLock { $0.inventory.revision } }

    /// Connects where there is no connection, and else asks whether the engine is alive: one that hangs is as silent as one
    /// where nothing happens.
    ///
    /// - Returns: What fires when it has told all, or cannot be reached; `nil` where there is nothing to wait for.
    func begin() -> Signal? {
        let (signal, pingedSession) = state.withLock { state -> (Signal?, Int?) in
            guard !state.isClosed else { return (nil, nil) }
            if var session = state.session {
                guard session.listed != nil else { return (state.isLate ? nil : session.ready, nil) }
                let now = ContinuousClock.now
                for (id, since) in state.doubted where since.duration(to: now) >= Self.patience {
                    state.doubted[id] = nil
                    session.enqueue(id)
                }
                let wasPinging = session.isPinging
                session.isPinging = true
                state.session = session
                return (nil, wasPinging ? nil : session.id)
            }
            guard (try? state.backOff.check()) != nil else { return (nil, nil) }
            state.lastTask += 1
            let session = Session(id: state.lastTask)
            state.session = session
            state.asked = []
            state.tasks[session.id] = Task { await self.follow(session.id) }
            return (state.isLate ? nil : session.ready, nil)
        }
        if let pingedSession {
            run { await self.ping(pingedSession) }
            work()
        }
        return signal
    }

    /// Notes that a scrape has waited in vain: where the engine has said nothing at all since the start of it, the next one
    /// does not wait, unless the engine has answered by then.
    func wasLate(since start: ContinuousClock.Instant) {
        state.withLock { state in
            if state.answered.map({ $0 < start }) ?? true { state.isLate = true }
        }
    }

    /// Asks about containers that a scrape has met, where the engine answers at all; one that it does not know is not asked
    /// about again, since it would tell by an event.
    ///
    /// - Returns: What fires when all are known or known not to be; `nil` where there is nothing to wait for.
    func ask(about ids: [String], limit: Int = 64) -> Signal? {
        let signal = state.withLock { state -> Signal? in
            guard state.session?.listed != nil, !state.isLate else { return nil }
            let entries = state.inventory.entries
            let asked = state.asked
            let new = Set(ids.lazy.filter { entries[$0] != nil || !asked.contains($0) }.prefix(limit))
            guard !new.isEmpty else { return nil }
            if state.asked.count + new.count > RuntimeInventory.maximumCount { state.asked = [] }
            state.asked.formUnion(new)
            for id in new { state.session?.enqueue(id) }
            let signal = Signal()
            state.session?.waiting.append((new, signal))
            return signal
        }
        if signal != nil { work() }
        return signal
    }

    /// Notes where the cgroup of a container is.
    func remember(path: String, of id: String) {
        state.withLock { $0.inventory.remember(path: path, of: id) }
    }

    /// Closes the connections.
    func shutdown() async {
        let tasks = state.withLock { state in
            state.isClosed = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    // MARK: The session

    /// Runs something of which ``shutdown()`` has to see the end.
    private func run(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.lastTask += 1
            let id = state.lastTask
            state.tasks[id] = Task {
                await body()
                _ = self.state.withLock { $0.tasks.removeValue(forKey: id) }
            }
        }
    }

    /// Listens to the events before the list is asked for, so that nothing falls between.
    private func follow(_ session: Int) async {
        // An engine may begin its answer before it begins to listen; it tells what happened since this second all the same.
        let filters = "{\"type\":[\"container\"],\"event\":[\(Self.events.map { "\"\($0)\"" }.joined(separator: ","))]}"
        let uri = "/events?since=\(time(nil))&filters=\(filters.percentEncoded)"
        do throws(CollectorError) {
            let end: Void? = try await client.get(
                uri, within: Self.eventLimits, into: (),
                { _, event in if let event = RuntimeAnswers.event(event) { self.note(event, in: session) } },
                begun: { self.run { await self.list(session) } })
            let what = end == nil ? "has no events: it is none that is known" : "ended the stream of its events"
            fail(session, CollectorError(.connection, "the engine at \(path) \(what)"))
        } catch {
            fail(session, error)
        }
        _ = state.withLock { $0.tasks.removeValue(forKey: session) }
    }

    /// Ends a session, by whomever it is found to be at its end.
    private func fail(_ id: Int, _ error: CollectorError) {
        let (session, task) = state.withLock { state -> (Session?, Task<Void, Never>?) in
            guard let session = state.session, session.id == id else { return (nil, nil) }
            state.session = nil
            state.inventory.doubtAll()
            state.doubted = [:]
            let age = session.listed.map { $0.duration(to: .now) }
            state.wasUnsteady = age.map { $0 < Self.steadiness } ?? false
            if age != nil, !state.wasUnsteady, error.reason == .connection {
                // Engines are restarted. Why it ended is only worth a word where it cannot be reached again.
                state.backOff.succeed()
                state.failure = nil
            } else {
                state.backOff.fail(error)
                state.failure = error
            }
            return (session, state.tasks[id])
        }
        guard let session else { return }
        task?.cancel()
        session.ready.fire()
        for waiting in session.waiting { waiting.signal.fire() }
    }

    private func list(_ id: Int) async {
        do throws(CollectorError) {
            let settings = settings
            let listed = try await client.get(
                "/containers/json?all=1", within: Self.listLimits, into: [String: ContainerDetails]()
            ) { listed, json in
                guard listed.count < RuntimeInventory.maximumCount else { return }
                if let (id, details) = RuntimeAnswers.listed(json, settings) { listed[id] = details }
            }
            guard let listed else {
                return fail(id, CollectorError(.unsupportedVersion, "the engine at \(path) does not list containers"))
            }
            state.withLock { state in
                guard var session = state.session, session.id == id else { return }
                state.inventory.list(listed)
                // What is running is asked about first: the last ones in the queue.
                for isRunning in [false, true] {
                    for (id, details) in listed where (details.state == .running) == isRunning { session.enqueue(id) }
                }
                session.listed = .now
                state.noteAnswer()
                if !state.wasUnsteady { state.failure = nil }
                state.session = session
            }
            work()
            run { await self.place(id) }
        } catch {
            fail(id, error)
        }
    }

    /// Asks how the engine places containers. Podman takes a quarter of a second for it.
    private func place(_ id: Int) async {
        let answer = try? await client.get(
            "/info", within: Self.detailLimits, into: RuntimeAnswers.Placement?.none
        ) { $0 = $0 ?? RuntimeAnswers.Placement($1) }
        state.withLock { state in
            if state.session?.id == id { state.placement = answer ?? nil }
        }
    }

    private func ping(_ id: Int) async {
        let failure: CollectorError?
        do throws(CollectorError) {
            _ = try await client.get("/_ping", within: Self.detailLimits, into: ())
            failure = nil
        } catch {
            failure = error
        }
        if let failure { return fail(id, failure) }
        state.withLock { state in
            guard state.session?.id == id else { return }
            state.session?.isPinging = false
            state.noteAnswer()
        }
    }

    private func note(_ event: (id: String, isEnd: Bool), in id: Int) {
        let isListed = state.withLock { state -> Bool in
            guard state.session?.id == id else { return false }
            if event.isEnd { state.inventory.forget(event.id) }
            state.session?.enqueue(event.id)
            return state.session?.listed != nil
        }
        if isListed { work() }
    }

    // MARK: The questions about single containers

    /// Lets as many workers go to work as there is work for.
    private func work() {
        let (session, count) = state.withLock { state -> (Int, Int) in
            guard var session = state.session, session.listed != nil else { return (0, 0) }
            let count = min(Self.maximumQuestions - session.workers, session.queue.count)
            session.workers += count
            if session.workers == 0 { session.rest() }
            state.session = session
            return (session.id, count)
        }
        for _ in 0..<count {
            run { while let id = self.next(session) { await self.inspect(id, session) } }
        }
    }

    /// The next container to ask about; `nil` where a worker is to go home.
    private func next(_ id: Int) -> String? {
        state.withLock { state in
            guard var session = state.session, session.id == id else { return nil }
            defer { state.session = session }
            while let id = session.queue.popLast() {
                session.queued.remove(id)
                if session.questions[id] == nil {
                    session.questions[id] = false
                    return id
                }
                session.questions[id] = true
            }
            session.workers -= 1
            if session.workers == 0 { session.rest() }
            return nil
        }
    }

    private func inspect(_ container: String, _ id: Int) async {
        let settings = settings
        typealias Told = (id: String, details: ContainerDetails, parent: String?)
        let told: Result<Told??, CollectorError>
        do throws(CollectorError) {
            let answer = try await client.get(
                "/containers/\(container)/json", within: Self.detailLimits, into: Told?.none
            ) { $0 = $0 ?? RuntimeAnswers.inspected($1, settings) }
            told = .success(answer)
        } catch {
            told = .failure(error)
        }
        let pauses = state.withLock { state -> Bool in
            guard var session = state.session, session.id == id else { return false }
            switch told {
            case .success(.some(.some(let told))) where told.id == container:
                state.inventory.learn(told.details, parent: told.parent, of: container)
                state.doubted[container] = nil
                state.noteAnswer()
            case .success(.none):
                state.inventory.forget(container)
                state.doubted[container] = nil
                state.noteAnswer()
            case .success, .failure:
                state.inventory.doubt(container)
                if state.inventory.entries[container] != nil { state.doubted[container] = .now }
            }
            if session.questions.removeValue(forKey: container) == true { session.enqueue(container) }
            session.finish(container)
            state.session = session
            return session.isReady
        }
        if pauses { try? await Task.sleep(for: Self.pause) }
    }
}

extension String {
    /// As it may stand in a query.
    fileprivate var percentEncoded: String {
        utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
