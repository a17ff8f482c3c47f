import Foundation

/// A real Podman that serves Docker's API, with its containers, which go with it.
///
/// It runs them by runc: crun refuses a machine that has cgroup v1 and v2 at the same time.
public final class PodmanService: ContainerEngine {
    /// Where its data, log and socket are.
    public let directory = TemporaryDirectory("podman", in: .disk)
    private let server = Restartable()

    /// The socket that the service listens on.
    public var socket: String { directory.path("podman.sock") }
    /// The cgroup of all its containers, in the form of `/libpod_parent`.
    public var parent: String { "/\(directory.url.lastPathComponent)/libpod_parent" }

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
        ["CONTAINERS_CONF": directory.path("containers.conf")]
    }

    /// Starts the service and waits until it takes requests.
    public init() async throws {
        // By default it asks for more open files than it is allowed where it is in a container itself.
        try directory.write(
            "containers.conf", "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n")
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
        let daemon = try Daemon(
            ["sh", "-c", script, "podman", socket] + program, environment: .added(environment),
            log: directory.path("log"))
        server.run(daemon)
        let isReady = try await eventually(within: 60) { (try? await api("/_ping")) != nil }
        guard isReady else {
            throw LabError("podman does not start: \(directory.text("log"))")
        }
    }

    deinit {
        let ownCgroup = "/\(directory.url.lastPathComponent)"
        server.end(in: directory) { removeCgroup(ownCgroup) }
    }

    /// As Podman names them without systemd.
    public func cgroupName(of id: String) -> String { "libpod-\(id)" }
}
