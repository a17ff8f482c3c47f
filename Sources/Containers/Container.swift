/// Who made a container, as far as its cgroup tells.
enum ContainerRuntime: Equatable {
    case docker, podman, containerd, crio, nerdctl
    /// A bare id below a pod, as every runtime names them with the cgroupfs driver.
    case kubernetes
    case lxc
    case nspawn
}

/// A container, recognised by the name of its cgroup.
///
/// Matched when a directory is first seen, never again: names do not change.
struct Container: Equatable {
    /// Who made it.
    let runtime: ContainerRuntime
    /// 64 hexadecimal digits, or the name where the runtime knows containers by name only.
    let id: String

    /// What stands in for the name where no runtime can be asked: the first 12 digits of the id, as `docker ps` shows it.
    var name: String {
        switch runtime {
        case .lxc, .nspawn: id
        default: String(id.prefix(12))
        }
    }

    /// Recognises the last component of a cgroup path.
    ///
    /// - Parameters:
    ///   - name: The component.
    ///   - ancestors: The components before it.
    init?(_ name: String, below ancestors: [String]) {
        guard let (runtime, id) = Self.byID(name, below: ancestors) ?? Self.byName(name, below: ancestors) else {
            return nil
        }
        self.runtime = runtime
        self.id = id
    }

    /// The prefixes of the systemd driver's scopes. Monitors (`libpod-conmon-`, `crio-conmon-`) leave no bare id behind
    /// the prefix, so they are not matched.
    private static let prefixes: [(String, ContainerRuntime)] = [
        ("docker-", .docker), ("libpod-payload-", .podman), ("libpod-", .podman), ("cri-containerd-", .containerd),
        ("crio-", .crio), ("nerdctl-", .nerdctl),
    ]

    /// What stands between the colons where a cgroupfs driver was given a path meant for systemd's.
    private static let colonForms: [(String, ContainerRuntime)] = [
        ("cri-containerd", .containerd), ("docker", .docker), ("crio", .crio),
    ]

    private static func byID(_ name: String, below ancestors: [String]) -> (ContainerRuntime, String)? {
        let stem = name.hasSuffix(".scope") ? name.dropLast(".scope".count) : name[...]
        for (prefix, runtime) in prefixes where stem.hasPrefix(prefix) {
            let id = stem.dropFirst(prefix.count)
            if isID(id) { return (runtime, String(id)) }
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 3, isID(parts[2]), let form = colonForms.first(where: { $0.0 == parts[1] }) {
            return (form.1, String(parts[2]))
        }
        guard isID(name[...]) else { return nil }
        let runtime: ContainerRuntime =
            switch ancestors.last {
            case "docker": .docker
            case let parent? where parent.hasPrefix("pod"): .kubernetes
            case _ where ancestors.contains("ecs"): .docker
            default: .containerd
            }
        return (runtime, name)
    }

    private static func byName(_ name: String, below ancestors: [String]) -> (ContainerRuntime, String)? {
        if let id = name.between("lxc.payload.", "") { return (.lxc, id) }
        if ancestors.last == "lxc" { return (.lxc, name) }
        guard ancestors.last == "machine.slice" else { return nil }
        if let id = name.between("systemd-nspawn@", ".service") { return (.nspawn, unescape(id)) }
        // machined's scopes hold libvirt's virtual machines too, which are no containers.
        guard let id = name.between("machine-", ".scope").map(unescape), !id.hasPrefix("qemu-") else { return nil }
        return (id.hasPrefix("lxc-") ? .lxc : .nspawn, id)
    }

    private static func isID(_ text: Substring) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
            }
    }

    /// Undoes systemd's `\x2d` in the names of units.
    private static func unescape(_ name: String) -> String {
        var bytes: [UInt8] = []
        var rest = name.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"), rest.count >= 3,
                let code = UInt8(Substring(rest.dropFirst().prefix(2)), radix: 16)
            {
                bytes.append(code)
                rest.removeFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    /// What stands between a prefix and a suffix; `nil` where one of them is missing or nothing is left.
    fileprivate func between(_ prefix: String, _ suffix: String) -> String? {
        guard hasPrefix(prefix), hasSuffix(suffix), utf8.count > prefix.utf8.count + suffix.utf8.count else {
            return nil
        }
        return String(dropFirst(prefix.count).dropLast(suffix.count))
    }
}
