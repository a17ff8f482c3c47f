import Scraping
import Synchronization

/// Since when the oldest job of each queue has been seen in its place: what is known of the age of a job that says nothing
/// about it. Of a job it keeps a hash alone.
final class ObservedHeads: Sendable {
    private struct Head {
        var fingerprint: Int
        var since: ContinuousClock.Instant
    }

    private let heads = Mutex<[String: Head]>([:])

    /// For how many seconds the same job has been the oldest, as far as was seen: 0 for one that was not there the last time.
    ///
    /// - Parameter job: The oldest job of the queue, or what it is known by; `nil` for an empty queue.
    /// - Returns: `nil` for an empty queue.
    func age(of job: [UInt8]?, in queue: String, at now: ContinuousClock.Instant = .now) -> Double? {
        heads.withLock { heads in
            guard let job else {
                heads[queue] = nil
                return nil
            }
            let fingerprint = job.hashValue
            if let head = heads[queue], head.fingerprint == fingerprint {
                return head.since.duration(to: now).seconds
            }
            heads[queue] = Head(fingerprint: fingerprint, since: now)
            return 0
        }
    }

    /// Forgets all queues but these.
    func keep(_ queues: Set<String>) {
        heads.withLock { heads in heads = heads.filter { queues.contains($0.key) } }
    }
}
