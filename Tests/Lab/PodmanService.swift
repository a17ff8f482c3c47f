public import Foundation

/// A real Podman that serves Docker's API, with its containers, which go with it.
///
/// It runs them by runc: crun refuses a machine that has cgroup v1 and v2 at the same time.
public final class PodmanService: ContainerEngine {
    /// Where its data, log and socket are.
    public let directory: URL
    private let server = Restartable()

    /// The socket that the service listens on.
    public var socket: String { directory.appendingPathComponent("podman.sock").path }
    /// The cgroup of all its containers, in the form of `/libpod_parent`.
    public var parent: String { "/\(directory.lastPathComponent)/libpod_parent" }

    /// `podman` with directories of its own.
    public var program: [String] {
        [
            "podman", "--root", "\(directory.path)/data", "--runroot", "\(directory.path)/run",
            "--tmpdir", "\(directory.path)/tmp", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
            "--events-backend", "file", "--runtime", "runc",
        ]
    }
    /// Its cgroup.
    public var runOptions: [String] { ["--cgroup-parent", parent] }
    /// Its own configuration.
    public var environment: [String: String] {
        ["CONTAINERS_CONF": directory.appendingPathComponent("containers.conf").path]
    }

    /// Starts the service and waits until it takes requests.
    public init() async throws {
        directory = try directoryOnDisk("podman")
        // By default it asks for more open files than it is allowed where it is in a container itself.
        try Data("[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n".utf8)
            .write(to: directory.appendingPathComponent("containers.conf"))
        try await importImage(in: directory)
        // Its containers do not end with the service.
        let script = """
            socket=$1; shift
            "$@" system service --time 0 "unix://$socket" & service=$!
            trap 'kill $service' TERM
            wait $service
            wait $service
            "$@" rm --force --time 0 --all
            """
        let log = directory.appendingPathComponent("log")
        let daemon = try Daemon(
            ["sh", "-c", script, "podman", socket] + program, environment: .added(environment), log: log)
        server.run(daemon)
        let isReady = try await eventually(within: 60) { (try? await api("/_ping")) != nil }
        guard isReady else {
            throw LabError("podman does not start: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
        }
    }

    deinit {
        server.stopAtOnce()
        removeCgroup("/\(directory.lastPathComponent)")
        try? FileManager.default.removeItem(at: directory)
    }

    /// As Podman names them without systemd.
    public func cgroupName(of id: String) -> String { "libpod-\(id)" }
}
