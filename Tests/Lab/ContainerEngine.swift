public import Foundation

/// Docker or Podman, of a test's own, with an image of nothing but a busybox.
public protocol ContainerEngine: Sendable {
    /// The path of the socket on which it speaks Docker's API.
    var socket: String { get }
    /// The cgroup in which it makes its containers', from the root of every hierarchy: `/docker`.
    var parent: String { get }
    /// The name of a container's cgroup below ``parent``.
    func cgroupName(of id: String) -> String
    /// Its command line, as far as it says which engine is meant.
    var program: [String] { get }
    /// Options of `run` that all its containers have.
    var runOptions: [String] { get }
    /// What its command line finds in the environment.
    var environment: [String: String] { get }
}

/// What the image is called; no engine looks for that name in a registry.
public let busyboxImage = "localhost/busybox:lab"

extension ContainerEngine {
    /// Runs a command of the engine, such as `rename`, and returns what it prints.
    ///
    /// - Throws: Where the command fails.
    @discardableResult
    public func cli(_ arguments: String...) async throws -> String {
        try await cli(arguments)
    }

    /// Starts a container in the background.
    ///
    /// - Parameters:
    ///   - options: Those of `docker run`; without `--network` it has none but its own loopback.
    ///   - command: What runs in it.
    /// - Returns: Its id, all 64 digits.
    @discardableResult
    public func run(
        _ name: String, options: [String] = [], command: [String] = ["sleep", "3600"]
    ) async throws -> String {
        let network = options.contains("--network") ? [] : ["--network", "none"]
        return try await cli(
            ["run", "--detach", "--name", name] + runOptions + network + options + [busyboxImage] + command)
    }

    /// A field of what `inspect` tells: `{{.State.Pid}}`.
    public func inspect(_ container: String, _ template: String) async throws -> String {
        try await cli("inspect", "--format", template, container)
    }

    /// Asks its API, without a version in the path, and returns the body whatever the status.
    public func api(_ path: String) async throws -> Data {
        let result = try await Lab.run(
            ["curl", "-sS", "--max-time", "60", "--unix-socket", socket, "http://d\(path)"], environment: .only([:]))
        guard result.status == 0 else { throw LabError("\(path): \(result.errors)") }
        return Data(result.output.utf8)
    }

    /// A container's cgroup as in the `id` label.
    public func cgroup(of id: String) -> String { "\(parent)/\(cgroupName(of: id))" }

    /// The same with a list of arguments.
    @discardableResult
    public func cli(_ arguments: [String]) async throws -> String {
        let result = try await Lab.run(
            ["timeout", "120"] + program + arguments, environment: .added(environment))
        guard result.status == 0 else {
            throw LabError("\(arguments.joined(separator: " ")): \(result.output)\(result.errors)")
        }
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Makes the image out of the installed busybox, which has to be a static one.
    func importImage(in directory: TemporaryDirectory) async throws {
        let script = """
            mkdir -p "$1/bin" "$1/tmp"
            cp "$(command -v busybox)" "$1/bin/"
            for applet in $("$1/bin/busybox" --list); do
                [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
            done
            tar -C "$1" -cf "$1.tar" .
            """
        let root = directory.path("image")
        let made = try await Lab.run(["sh", "-euc", script, "image", root])
        guard made.status == 0 else { throw LabError("the image: \(made.errors)") }
        try await cli("import", "\(root).tar", busyboxImage)
    }
}

/// Where the cgroup hierarchies are mounted, v1's and v2's.
public let cgroupMounts: [String] =
    ((try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? "").split(separator: "\n")
    .map { $0.split(separator: " ") }.filter { ["cgroup", "cgroup2"].contains($0[2]) }.map { String($0[1]) }

/// Removes a cgroup and those below it from all hierarchies, once the last processes in them, which have been told to
/// end, are gone.
func removeCgroup(_ path: String) {
    for mount in cgroupMounts {
        let below = FileManager.default.enumerator(atPath: "\(mount)\(path)")?.compactMap { $0 as? String } ?? []
        for name in below.map({ "\(mount)\(path)/\($0)" }).reversed() + ["\(mount)\(path)"] {
            for _ in 0..<200 where rmdir(name) != 0 && errno == EBUSY { usleep(10_000) }
        }
    }
}
