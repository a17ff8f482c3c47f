/// Who made a container, as far as its cgroup tells.
enum ContainerRuntime: Equatable {
    /// Docker; also a bare id below a parent that the user chose, which no other engine asks for as often.
    case docker
    /// A step of `docker build`, which no engine lists as a container.
    case buildkit
    case podman, containerd, crio, nerdctl
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
    /// 64 hexadecimal digits (25 letters and digits of a build step), or the name where the runtime knows containers by
    /// name only.
    let id: String
    /// The uid of the pod that it is in, where it is in one.
    let podUID: String?

    /// Which of the settings' kinds it is of.
    var kind: ContainerKind {
        if podUID != nil { return .kubernetes }
        return switch runtime {
        case .docker, .buildkit: .docker
        case .podman: .podman
        case .containerd, .crio, .nerdctl, .kubernetes: .kubernetes
        case .lxc, .nspawn: .lxc
        }
    }

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
        // With the drivers mixed up the pod's slice is not above the container's cgroup, but within its name.
        let (slice, parent) =
            name.utf8.contains(UInt8(ascii: ":"))
            ? (name.split(separator: ":").first.map(String.init), ancestors.last)
            : (ancestors.last, ancestors.dropLast().last)
        podUID = slice.flatMap { PodCgroup.uid(of: $0, below: parent) }
    }

    /// The prefixes of the systemd driver's scopes. Monitors (`libpod-conmon-`, `crio-conmon-`) leave no bare id behind
    /// the prefix, so they are not matched.
    private static let prefixes: [(String, ContainerRuntime)] = [
        ("docker-", .docker), ("libpod-payload-", .podman), ("libpod-", .podman), ("cri-containerd-", .containerd),
        ("crio-", .crio), ("nerdctl-", .nerdctl),
    ]

    /// What stands between the colons where a cgroupfs driver was given a path meant for systemd's.
    private static let colonForms: [(String, ContainerRuntime)] = [
        ("cri-containerd", .containerd), ("docker", .docker), ("crio", .crio), ("nerdctl", .nerdctl),
        ("libpod", .podman),
    ]

    /// The namespaces of containerd whose containers are no other engine's.
    private static let namespaces: Set<String> = ["default", "k8s.io"]

    private static func byID(_ name: String, below ancestors: [String]) -> (ContainerRuntime, String)? {
        let stem = name.between("", ".scope") ?? name
        for (prefix, runtime) in prefixes {
            guard let id = stem.between(prefix, "") else { continue }
            if isID(id) { return (runtime, id) }
            if runtime == .docker, isBuildID(id) { return (.buildkit, id) }
        }
        let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 3, let form = colonForms.first(where: { $0.0 == parts[1] }) {
            if isID(parts[2]) { return (form.1, parts[2]) }
            if form.1 == .docker, isBuildID(parts[2]) { return (.buildkit, parts[2]) }
        }
        let parent = ancestors.last ?? ""
        if parent == "buildkit", isBuildID(name) { return (.buildkit, name) }
        // Below libpod_parent a bare id is a pod of Podman's.
        guard isID(name), parent != "libpod_parent" else { return nil }
        if PodCgroup.uid(of: parent, below: ancestors.dropLast().last) != nil { return (.kubernetes, name) }
        return (namespaces.contains(parent) ? .containerd : .docker, name)
    }

    private static func byName(_ name: String, below ancestors: [String]) -> (ContainerRuntime, String)? {
        if let id = name.between("lxc.payload.", "") { return (.lxc, id) }
        guard let parent = ancestors.last else { return nil }
        if parent == "lxc" || parent == "lxc.payload" { return (.lxc, name) }
        guard parent == "machine.slice" else { return nil }
        if let id = name.between("systemd-nspawn@", ".service") { return (.nspawn, id.unescapedUnitName) }
        guard let id = name.between("machine-", ".scope")?.unescapedUnitName else { return nil }
        return (id.hasPrefix("lxc-") ? .lxc : .nspawn, id)
    }

    /// Whether it is an id as Docker and those after it make them, and so may stand in a path.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0
            }
    }

    /// Whether it is an id of BuildKit's: 128 bits to the base of 36.
    private static func isBuildID(_ text: String) -> Bool {
        text.utf8.count == 25
            && text.utf8.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0
            }
    }
}

/// The cgroup of a pod of Kubernetes.
enum PodCgroup {
    /// The longest uid; those that the API server makes have 36 bytes, those of a node's own (static) pods 32.
    private static let maximumLength = 64
    /// What pods are directly below with the cgroupfs driver.
    private static let parents: Set<String> = ["kubepods", "burstable", "besteffort", "guaranteed"]

    /// The pod's uid, by the name of a cgroup: `kubepods-burstable-pod<uid>.slice` of the systemd driver, in which the
    /// hyphens of the uid are underscores, or `pod<uid>` of the cgroupfs driver.
    ///
    /// - Parameters:
    ///   - name: A component of a path.
    ///   - parent: The component before it.
    /// - Returns: `nil` where it is no pod.
    static func uid(of name: String, below parent: String?) -> String? {
        var uid: String?
        if let slice = name.between("", ".slice") {
            let parts = slice.split(separator: "-")
            if parts.contains("kubepods"), let last = parts.last { uid = String(last).between("pod", "") }
        } else if let parent, parents.contains(parent) {
            uid = name.between("pod", "")
        }
        guard let uid, uid.utf8.count <= maximumLength, uid.utf8.allSatisfy(isLegal) else { return nil }
        return String(uid.map { $0 == "_" ? "-" : $0 })
    }

    private static func isLegal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension String {
    /// What stands between a prefix and a suffix, byte by byte; `nil` where one of them is missing or nothing is left.
    func between(_ prefix: String, _ suffix: String) -> String? {
        let length = utf8.count - prefix.utf8.count - suffix.utf8.count
        guard length > 0, utf8.starts(with: prefix.utf8), utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        else { return nil }
        return String(Substring(utf8.dropFirst(prefix.utf8.count).prefix(length)))
    }

    /// The name of a unit without systemd's escapes: `\x2d` is a hyphen.
    var unescapedUnitName: String {
        var bytes: [UInt8] = []
        var rest = utf8[...]
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
