import CLinux
import Glibc
import Synchronization

/// Runs an actor's jobs on one thread of its own, where calls that block hurt nobody else: libpq's look-ups and TLS
/// handshakes, reads of kernel files.
///
/// The thread ends when the executor is released.
public final class ThreadExecutor: SerialExecutor {
    private let queue = JobQueue()

    /// Starts the thread.
    ///
    /// - Parameter name: What `top -H` shows; the kernel keeps 15 bytes.
    public init(name: String) {
        let start = Unmanaged.passRetained(ThreadStart(queue: queue, executor: asUnownedSerialExecutor(), name: name))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        // Enough for a TLS handshake and the resolver's buffers; the pages are only mapped when they are used.
        pthread_attr_setstacksize(&attributes, 512 * 1024)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            start.toOpaque()
        )
        pthread_attr_destroy(&attributes)
        precondition(status == 0, "the system has no thread left (pthread_create: \(status))")
    }

    deinit {
        queue.stop()
    }

    /// Puts a job at the end of the thread's queue.
    public func enqueue(_ job: consuming ExecutorJob) {
        queue.push(UnownedJob(job))
    }
}

private final class ThreadStart: Sendable {
    let queue: JobQueue
    let executor: UnownedSerialExecutor
    let name: String

    init(queue: JobQueue, executor: UnownedSerialExecutor, name: String) {
        self.queue = queue
        self.executor = executor
        self.name = name
    }

    func run() {
        clinux_name_thread(String(name.prefix(15)))
        while let jobs = queue.take() {
            for job in jobs { job.runSynchronously(on: executor) }
        }
    }
}

/// Jobs in order, and an eventfd on which the thread sleeps while there are none.
private final class JobQueue: Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let bell: CInt

    init() {
        bell = eventfd(0, Int32(EFD_CLOEXEC))
        precondition(bell >= 0, "the system has no file descriptor left (eventfd: \(errno))")
    }

    deinit {
        close(bell)
    }

    func push(_ job: UnownedJob) {
        let wasEmpty = state.withLock { state in
            defer { state.jobs.append(job) }
            return state.jobs.isEmpty
        }
        if wasEmpty { eventfd_write(bell, 1) }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        eventfd_write(bell, 1)
    }

    /// Blocks until there are jobs; `nil` when there will be none any more.
    func take() -> [UnownedJob]? {
        while true {
            let (jobs, isStopped) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopped)
            }
            if !jobs.isEmpty { return jobs }
            if isStopped { return nil }
            var count: eventfd_t = 0
            eventfd_read(bell, &count)
        }
    }
}
