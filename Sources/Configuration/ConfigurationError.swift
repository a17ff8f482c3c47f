/// What is wrong with a flag, a variable or a file: one sentence that says what, where and how to mend it, without
/// repeating a value that may be secret.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence, without a full stop.
    public let description: String

    /// An error with its sentence.
    public init(_ description: String) {
        self.description = description
    }
}
