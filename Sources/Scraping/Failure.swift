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
    /// What happened and how to mend it, for the log. Never a password, a connection string or a key's value.
    public let detail: String

    /// A failure and what to say of it in the log.
    public init(_ reason: FailureReason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }
}
