/// A target that knows what its user has to be allowed.
public protocol AdvisesOnAccess: Target {
    /// How to give a user the least rights with which everything that is enabled can be read: lines for people, without
    /// any secret. None where the target is down or has no such rights to give.
    func accessAdvice(until deadline: Deadline) async -> [String]
}
