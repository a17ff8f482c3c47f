import Glibc

extension ContainersTarget {
    /// What can be configured.
    public struct Settings: Sendable, Equatable {
        /// The `target` label.
        public var name = "containers"
        /// The directory that holds the cgroup hierarchies; found from `/proc/self/mountinfo` where it is `nil`.
        public var cgroupfs: String?
        /// Where the host's `/proc` is mounted: the first of ``usualProcfs`` that is one, unless it is said.
        public var procfs = Self.usualProcfs.first(where: Self.isProcfs) ?? "/proc"
        /// The host's root directory, below which runtimes keep their files; where it is `nil` those of ``usualRoots``
        /// that are there, and our own.
        public var rootfs: String?
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

        /// Where a container may have been given the host's `/proc`, as node_exporter's and cAdvisor's users do.
        public static let usualProcfs = ["/host/proc", "/rootfs/proc"]
        /// Where a container may have been given the host's root directory, or parts of it.
        public static let usualRoots = ["/host", "/rootfs"]

        /// The settings that hold where nothing is configured.
        public init() {}

        /// Where the host's root directory may be, each without a slash behind it.
        var rootDirectories: [String] {
            if let rootfs { return [rootfs.hasSuffix("/") ? String(rootfs.dropLast()) : rootfs] }
            return Self.usualRoots.filter { access($0, X_OK) == 0 } + [""]
        }

        /// The directory that a procfs is mounted at when it is not has no such link.
        private static func isProcfs(_ path: String) -> Bool {
            var status = stat()
            return lstat("\(path)/self", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
        }
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
