/// Why cgroups cannot be read as configured: what, where, and how to mend it, in one sentence.
public struct ContainersError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
