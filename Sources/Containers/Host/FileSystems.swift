import Exposition
import Glibc
import Scraping
import Synchronization

/// What the kernel tells of a file system.
struct FileSystemSpace: Sendable, Equatable {
    let size: Double
    let free: Double
    /// Free for others than root.
    let available: Double
    let files: Double
    let filesFree: Double

    /// Asks, which may take for ever: a network file system waits for its server.
    init(of path: String) throws(SystemError) {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw SystemError() }
        // Blocks are counted in fragments, which are smaller than blocks on some FUSE file systems.
        let block = Double(status.f_frsize)
        size = Double(status.f_blocks) * block
        free = Double(status.f_bfree) * block
        available = Double(status.f_bavail) * block
        files = Double(status.f_files)
        filesFree = Double(status.f_ffree)
    }
}

/// Asks about file systems one after the other, while others look at how far it is.
final class FileSystemSurvey: Sendable {
    /// What asks the kernel.
    typealias Question = @Sendable (String) throws(SystemError) -> FileSystemSpace

    /// How far it is.
    struct Progress {
        /// Of the first few; a failure where the kernel refused.
        fileprivate(set) var answers: [Result<FileSystemSpace, SystemError>] = []
        /// Since when the one behind them has been asked.
        fileprivate(set) var since = ContinuousClock.now
        /// Whether nothing more is to come.
        fileprivate(set) var hasEnded = false
        fileprivate var isAbandoned = false
    }

    /// Fires at the end.
    let ended = Signal()
    private let paths: [String]
    private let ask: Question
    private let state = Mutex(Progress())

    init(_ paths: [String], _ ask: @escaping Question) {
        self.paths = paths
        self.ask = ask
    }

    /// How far it is.
    var progress: Progress { state.withLock { $0 } }

    /// Lets it end with the answer that it waits for, which nobody wants to know any more.
    func abandon() -> Progress {
        state.withLock { state in
            state.isAbandoned = true
            return state
        }
    }

    /// Asks, on the caller's thread.
    func run() {
        for path in paths {
            let answer: Result<FileSystemSpace, SystemError>
            do {
                answer = .success(try ask(path))
            } catch {
                answer = .failure(error)
            }
            let isAbandoned = state.withLock { state in
                state.answers.append(answer)
                state.since = .now
                return state.isAbandoned
            }
            if isAbandoned { break }
        }
        state.withLock { $0.hasEnded = true }
        ended.fire()
    }
}

/// A thread that asks about file systems, and hangs where one of them does. It ends when nobody needs it any more.
private actor FileSystemThread {
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private let executor = ThreadExecutor(name: "statfs")

    func run(_ survey: FileSystemSurvey) { survey.run() }
}

/// Reads how full file systems are, whatever one of them does.
///
/// They are asked one after the other on a thread of their own. One that does not answer in time is left to that thread
/// and not asked again before it does; the others are asked by another thread.
final class FileSystemReader {
    /// How many may hang at a time, each of which holds a thread; where there are more, the others are not asked.
    static let maximumHanging = 8

    /// What became of a file system.
    enum Answer: Equatable {
        case space(FileSystemSpace)
        /// The kernel refused, or does not answer.
        case failed
        /// There was no time to ask.
        case notAsked
    }

    /// How long an answer may take.
    private let patience: Duration
    private let ask: FileSystemSurvey.Question
    private var thread: FileSystemThread?
    private var hanging: [HostMount: FileSystemSurvey] = [:]

    /// - Parameter ask: What asks the kernel.
    init(
        patience: Duration = .seconds(1),
        ask: @escaping FileSystemSurvey.Question = { path throws(SystemError) in try FileSystemSpace(of: path) }
    ) {
        self.patience = patience
        self.ask = ask
    }

    /// Asks about each mount, until the deadline.
    nonisolated(nonsending)
        func answers(of mounts: [HostMount], until deadline: Deadline) async -> [Answer]
    {
        hanging = hanging.filter { !$0.value.progress.hasEnded }
        var answers = mounts.map { hanging[$0] == nil ? Answer.notAsked : .failed }
        var rest = mounts.indices.filter { hanging[mounts[$0]] == nil }
        while !rest.isEmpty, hanging.count < Self.maximumHanging, !deadline.hasPassed {
            let survey = FileSystemSurvey(rest.map { mounts[$0].path }, ask)
            let thread = self.thread ?? FileSystemThread()
            self.thread = thread
            Task { await thread.run(survey) }
            await wait(for: survey, until: deadline)
            let progress = survey.abandon()
            for (index, answer) in zip(rest, progress.answers) {
                answers[index] = (try? answer.get()).map(Answer.space) ?? .failed
            }
            rest.removeFirst(progress.answers.count)
            guard let late = rest.first else { break }
            self.thread = nil
            hanging[mounts[late]] = survey
            // Where the time of the scrape was up before our patience was, it may just be slow.
            if !deadline.hasPassed { answers[late] = .failed }
            rest.removeFirst()
        }
        return answers
    }

    /// Returns when the survey has ended, hangs, or has no time left.
    nonisolated(nonsending)
        private func wait(for survey: FileSystemSurvey, until deadline: Deadline) async
    {
        while true {
            let since = survey.progress.since
            let end = Deadline(after: patience - since.duration(to: .now))
            if await survey.ended.wait(until: min(end, deadline)) { return }
            if deadline.hasPassed || survey.progress.since == since { return }
        }
    }
}
