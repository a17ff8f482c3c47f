import Exposition

/// What a runtime tells of a container, beyond what its cgroup does.
///
/// Everything may be unknown: engines, their versions and the files they leave behind tell different parts of it.
struct ContainerDetails: Equatable, Sendable {
    /// What a container is doing, by Docker's words, which Podman's are brought to.
    enum State: String, CaseIterable, Sendable {
        case created, running, paused, restarting, removing, exited, dead
    }

    /// The outcome of its health check.
    enum Health: String, CaseIterable, Sendable {
        case starting, healthy, unhealthy
    }

    /// Whose network it uses.
    enum Network: Equatable, Sendable {
        case own, host
        /// That of the container with this id.
        case container(String)
    }

    /// Where it belongs in Kubernetes.
    struct Pod: Equatable, Sendable {
        var namespace: String
        var pod: String
        /// The name in the pod's specification; empty for the sandbox.
        var container: String
    }

    /// Without the slash that Docker puts before it.
    var name: String?
    /// As the user wrote it: `nginx:1.27`.
    var image: String?
    /// Those that the settings allow, by key.
    var labels: [String: String] = [:]
    /// Where it belongs in Kubernetes.
    var pod: Pod?
    /// What it is doing.
    var state: State?
    /// Of its last run, once that has ended.
    var exitCode: Int?
    /// Whether a run ended, or one of its processes, because memory ran out, since somebody started it.
    var wasOutOfMemory: Bool?
    /// How often the runtime started it again by itself.
    var restartCount: Int?
    /// `nil` where it has no health check.
    var health: Health?
    /// Seconds since 1970.
    var created: Double?
    /// Seconds since 1970, of its last start.
    var started: Double?
    /// Its first process as the host numbers it, while it runs.
    var processID: Int?
    /// Whose network it uses.
    var network: Network?
    /// The share of contended CPU time as the user wrote it.
    var cpuShares: Int?
    /// The path of its cgroup where the runtime tells or implies it, for a container that has none at the moment.
    var cgroupPath: String?

    /// Whether the files of runtimes, which are not written all at once, may tell more of it.
    var isIncomplete: Bool { name == nil || processID == nil || pod?.container.isEmpty ?? false }
}
