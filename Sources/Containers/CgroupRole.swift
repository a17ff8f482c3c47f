extension Cgroup {
    /// What becomes of a cgroup that the walk meets.
    enum Role: Equatable {
        /// A container: on the page with `id` and `name`.
        case container(Container)
        /// A pod of Kubernetes, with all that its containers use: on the page with `id`, and with `namespace` and `pod`
        /// where they are known, but without `name` and `image`.
        case pod(uid: String)
        /// Worth showing though no container: on the page with `id` alone, so that `name!=""` selects containers.
        case group
        /// Only on the way to others.
        case passage
        /// Neither shown nor entered.
        case ignored

        /// Whether it is on the page.
        var isExported: Bool {
            switch self {
            case .container, .pod, .group: true
            case .passage, .ignored: false
            }
        }
    }
}

extension CgroupTree {
    /// What a cgroup is, by its name and its ancestors'.
    ///
    /// - Parameters:
    ///   - name: The last component of its path.
    ///   - ancestors: The components before it; none below the root.
    ///   - kinds: What is shown; everything else is only passed through.
    static func role(
        of name: String, below ancestors: [String], showing kinds: Set<ContainerKind> = Set(ContainerKind.allCases)
    ) -> Cgroup.Role {
        if holdsNone(name, below: ancestors.last) { return .ignored }
        let (role, kind) = roleAndKind(of: name, below: ancestors)
        return kinds.contains(kind) ? role : .passage
    }

    private static func roleAndKind(of name: String, below ancestors: [String]) -> (Cgroup.Role, ContainerKind) {
        if let container = Container(name, below: ancestors) { return (.container(container), container.kind) }
        if let uid = PodCgroup.uid(of: name, below: ancestors.last) { return (.pod(uid: uid), .kubernetes) }
        if ancestors.isEmpty { return (.group, topKinds[name] ?? .systemd) }
        // Templates have a slice of their own: /system.slice/system-postgresql.slice/postgresql@15-main.service
        let isSystem = ancestors.first == "system.slice" && ancestors.allSatisfy { $0.hasSuffix(".slice") }
        return (isSystem && name.hasSuffix(".service") ? .group : .passage, .systemd)
    }

    /// Whether there can be no container in it: mounts, the monitors of LXC, and virtual machines, whose cgroups hold a
    /// thread for each of their processors.
    private static func holdsNone(_ name: String, below parent: String?) -> Bool {
        name.hasSuffix(".mount") || name.hasPrefix("lxc.monitor") || name == "lxc.pivot"
            || name.hasSuffix(".libvirt-qemu") || parent == "qemu.slice" && name.hasSuffix(".scope")
            || parent == "machine.slice" && name.hasPrefix("machine-qemu\\x2d")
    }

    /// What is directly below the root and holds one kind of container.
    private static let topKinds: [String: ContainerKind] = [
        "docker": .docker, "ecs": .docker, "ecstasks.slice": .docker, "libpod_parent": .podman,
        "kubepods": .kubernetes, "kubepods.slice": .kubernetes, "kubelet": .kubernetes, "kubelet.slice": .kubernetes,
        "k8s.io": .kubernetes, "default": .kubernetes, "lxc": .lxc, "lxc.payload": .lxc,
    ]
}

extension ContainersTarget.Settings {
    /// What is shown: what is included and not excluded.
    var shownKinds: Set<ContainerKind> { included.subtracting(excluded) }
}
