extension ContainersTarget {
    /// What can be configured.
    public struct Settings: Sendable {
        /// The `target` label.
        public var name = "containers"
        /// The directory that holds the cgroup hierarchies; found from `/proc/self/mountinfo` where it is `nil`.
        public var cgroupfs: String?
        /// Where `/proc` is mounted.
        public var procfs = "/proc"
        /// Whose cgroups are on the page, unless they are ``excluded``.
        public var included = Set(ContainerKind.allCases)
        /// Whose cgroups are not.
        public var excluded: Set<ContainerKind> = []
        /// The sockets of Docker- and Podman-compatible engines that are asked for names, images and states; where it is
        /// `nil` those of ``usualSockets`` that are there.
        public var runtimeSockets: [String]?
        /// The keys of container labels that become `container_label_...`; `*` stands for every one.
        public var labels = ["com.docker.compose.project", "com.docker.compose.service"]
        /// Whether containers that belong to no pod have a label `container` too, the same as `name`, for rules that were
        /// written for Kubernetes.
        public var hasContainerLabel = false
        /// The most file descriptors that are kept open between scrapes; never more than half of what the process may
        /// have. A container has about ten on cgroup v2 and fifteen on v1, and each costs 5 KiB of kernel memory.
        public var keptDescriptors = 4096

        /// Where engines listen, as the host and as a container that was given the socket see it.
        public static let usualSockets = ["/var/run/docker.sock", "/run/podman/podman.sock"]

        /// The settings that hold where nothing is configured.
        public init() {}
    }
}

/// Whose cgroup it is, as far as its path tells: what can be included and left out.
public enum ContainerKind: String, CaseIterable, Sendable {
    /// Docker's and those of what is built on it (ECS, `docker build`).
    case docker
    /// Podman's.
    case podman
    /// Pods and their containers, whichever runtime made them, and what containerd and CRI-O run beside them.
    case kubernetes
    /// Services of systemd, and the slices and scopes at the top.
    case systemd
    /// LXC, Incus, Proxmox and systemd-nspawn.
    case lxc
}
