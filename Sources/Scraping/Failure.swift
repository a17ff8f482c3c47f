/// Why a collector delivered nothing: the closed set of the `reason` label.
public enum FailureReason: String, Sendable, CaseIterable {
    /// Not there by the deadline.
    case timeout
    /// The target could not be reached, or went away.
    case connection
    /// The target refused who we are.
    case authentication
    /// The target knows us and does not let us see this.
    case permission
    /// An extension or module that the collector reads is not there.
    case missingExtension = "missing_extension"
    /// The server's version does not have it.
    case unsupportedVersion = "unsupported_version"
    /// Somebody held a lock for longer than we may wait.
    case locked
    /// An answer that we did not understand: a defect of ours, or of the target.
    case `internal`
}

/// A collector's or a target's failure.
public struct CollectorError: Error, Sendable, Equatable {
    /// The `reason` label.
    public let reason: FailureReason
    /// What happened. Never a password, a connection string or a key's value.
    public let what: String
    /// What mends it; none where that takes somebody to look.
    public let remedies: [Remedy]

    /// A failure, what to say of it and what mends it.
    public init(_ reason: FailureReason, _ what: String, remedies: [Remedy] = []) {
        self.reason = reason
        self.what = what
        self.remedies = remedies
    }

    /// What happened and how to mend it, in one line for the log.
    public var detail: String {
        guard let first = remedies.first else { return what }
        return remedies.dropFirst().reduce("\(what): \(first.line)") { text, remedy in
            "\(text) \(remedy.isAlternative ? "or" : "then") \(remedy.line)"
        }
    }

    /// The same with what it happened to.
    public func at(_ place: some CustomStringConvertible) -> CollectorError {
        CollectorError(reason, "\(place): \(what)", remedies: remedies)
    }
}
