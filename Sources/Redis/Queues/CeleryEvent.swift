import Scraping

/// What Celery says of a task or a worker, as far as anything is kept of it: no arguments, no results, no tracebacks.
struct CeleryEvent: Sendable, Equatable {
    /// Celery's own events, by the names that they have there.
    enum Kind: String, Sendable, CaseIterable {
        case sent = "task-sent"
        case received = "task-received"
        case started = "task-started"
        case succeeded = "task-succeeded"
        case failed = "task-failed"
        case rejected = "task-rejected"
        case revoked = "task-revoked"
        case retried = "task-retried"
        case online = "worker-online"
        case heartbeat = "worker-heartbeat"
        case offline = "worker-offline"

        /// Whether it is about a worker, and not about a task.
        var isOfWorker: Bool { self == .online || self == .heartbeat || self == .offline }
    }

    let kind: Kind
    /// Who says it: `celery@host`, for `task-sent` a name of the process that sent the task.
    let sender: String
    /// When, in seconds since 1970 by the sender's clock.
    var time: Double?
    /// The task; empty in an event of a worker.
    var taskID = ""
    /// What kind of task it is (`task-sent`, `task-received`).
    var name: String?
    /// Where it was sent (`task-sent`).
    var queue: String?
    /// When it may be run at the earliest, in seconds since 1970 (`task-sent`, `task-received`).
    var eta: Double?
    /// For how many seconds it ran (`task-succeeded`).
    var runtime: Double?
    /// The name of the exception's class (`task-failed`); `nil` where the exception's text does not begin with one.
    var exception: String?
    /// Whether it was not run, but goes back to its queue or away (`task-failed`, `task-rejected`).
    var isRejection = false
    /// Whether it goes back to its queue (`task-rejected`).
    var isRequeued = false
    /// How many tasks the worker has in hand.
    var active: Double?
    /// The worker's program and its version: `py-celery 5.7.0`.
    var software: String?

    /// The part of the sender's name behind the `@`; all of it where there is none.
    var host: String {
        guard let at = sender.firstIndex(of: "@") else { return sender }
        return String(sender[sender.index(after: at)...])
    }
}

extension CeleryEvent {
    /// What is in one message of the exchange of events.
    struct Batch: Sendable, Equatable {
        var events: [CeleryEvent] = []
        /// Events of which we know nothing: an application may send its own.
        var others = 0
        /// What was in the message beside that, by why it was dropped.
        var dropped: [Drop: Int] = [:]

        static func dropped(_ reason: Drop) -> Batch { Batch(dropped: [reason: 1]) }
    }

    /// Why a message, or an event in it, is dropped.
    enum Drop: String, Sendable, CaseIterable {
        /// It is longer than 1 MiB.
        case size
        /// It is no JSON (Celery's `event_serializer`).
        case serializer
        /// It is not what Celery sends.
        case malformed
        /// There are more workers than are kept apart.
        case limit
    }

    /// The longest name of a task, a worker or a queue, and the longest id, in bytes.
    static let maximumLength = 255

    /// The events of a message as kombu publishes it: a JSON object whose `body`, in base64 as a rule, is an event or a
    /// list of events.
    static func decode(_ message: [UInt8]) -> Batch {
        var text: [UInt8]?
        var isEncoded = false
        // One pass over them, since a body is long.
        for (name, value) in JSONText(message)?.members ?? [] {
            switch name {
            case "body": text = value.stringBytes
            case "content-type":
                guard value.string == "application/json" else { return .dropped(.serializer) }
            case "properties": isEncoded = value["body_encoding"]?.string == "base64"
            default: break
            }
        }
        guard let text, let body = isEncoded ? Base64.decoded(text) : text, let value = JSONText(body) else {
            return .dropped(.malformed)
        }
        var batch = Batch()
        for element in value.bytes.first == UInt8(ascii: "[") ? value.elements : [value] { batch.add(element) }
        return batch
    }

    /// `nil` where something is missing, is of another type than it has to be, or is longer than it may be.
    fileprivate init?(_ kind: Kind, _ members: [(name: String, value: JSONText)]) {
        self.kind = kind
        var sender: String?
        for (name, value) in members {
            switch name {
            case "hostname": sender = value.shortString
            case "uuid":
                guard let id = value.shortString else { return nil }
                taskID = id
            case "timestamp": time = value.seconds
            case "name":
                guard let text = value.shortString else { return nil }
                self.name = text
            case "queue":
                // A queue that the application has made may be an object; then it is not known.
                queue = value.shortString
            case "eta": eta = value.stringBytes.flatMap { TimeText.secondsSince1970($0[...]) }
            case "runtime": runtime = value.seconds
            case "exception" where kind == .failed:
                let text = value.stringBytes ?? []
                exception = Self.exceptionClass(text)
                isRejection = text.starts(with: "reject requeue=".utf8)
            case "requeue": isRequeued = value.boolean ?? false
            case "active": active = value.seconds
            case "sw_ident", "sw_ver":
                guard let text = value.shortString else { break }
                software = software.map { "\($0) \(text)" } ?? text
            default: break
            }
        }
        guard let sender, !sender.isEmpty, kind.isOfWorker || !taskID.isEmpty else { return nil }
        self.sender = sender
        if kind == .rejected { isRejection = true }
    }

    /// `ValueError` of `ValueError('...')`.
    private static func exceptionClass(_ text: [UInt8]) -> String? {
        let beginning = text.prefix(maximumLength)
        guard let end = beginning.firstIndex(of: UInt8(ascii: "(")), end > 0 else { return nil }
        let name = String(decoding: beginning[..<end], as: UTF8.self)
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? name : nil
    }
}

extension CeleryEvent.Batch {
    fileprivate mutating func add(_ value: JSONText) {
        let members = value.members
        guard let type = members.first(where: { $0.name == "type" })?.value.shortString else {
            dropped[.malformed, default: 0] += 1
            return
        }
        guard let kind = CeleryEvent.Kind(rawValue: type) else {
            others += 1
            return
        }
        if let event = CeleryEvent(kind, members) {
            events.append(event)
        } else {
            dropped[.malformed, default: 0] += 1
        }
    }
}

extension JSONText {
    /// A string that is short enough to be kept; `nil` of anything else.
    fileprivate var shortString: String? {
        // An escape has six bytes for one, at the most.
        guard bytes.count <= CeleryEvent.maximumLength * 6 + 2, let text = stringBytes,
            text.count <= CeleryEvent.maximumLength
        else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    /// A number that may be a time, a duration or a count, and does not spoil a sum; `nil` of anything else.
    fileprivate var seconds: Double? {
        guard bytes.count <= 32, let number, 0..<1e11 ~= number else { return nil }
        return number
    }
}
