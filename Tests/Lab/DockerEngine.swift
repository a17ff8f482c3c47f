import Foundation

/// A real Docker engine with its containers, which go with it.
///
/// Whatever it mounts, and whatever it and containerd put into `/run`, is in a mount namespace of its own: it does not
/// meet another engine of this machine, and nothing of it outlives its last process.
public final class DockerEngine: ContainerEngine {
    /// Where the engine's data, log and socket are.
    public let directory = TemporaryDirectory("docker", in: .disk)
    /// The cgroup of all its containers.
    public let parent: String
    /// What goes with it, unless it was there before.
    private let ownCgroup: String?
    private let server = Restartable()

    /// The socket that it listens on.
    public var socket: String { directory.path("docker.sock") }
    /// What the engine keeps of its containers, `/var/lib/docker` elsewhere.
    public var data: String { directory.path("data") }

    /// `docker`, sent to this engine.
    public var program: [String] { ["docker", "--host", "unix://\(socket)"] }
    /// A shell that is a container's first process does not end by TERM, and the engine would wait for ten seconds.
    public var runOptions: [String] { ["--stop-signal", "KILL"] }
    /// Nothing of the configuration of who runs the tests.
    public var environment: [String: String] { ["DOCKER_CONFIG": directory.path] }

    /// Starts an engine and waits until it takes requests.
    ///
    /// - Parameter parent: The cgroup of all its containers; `nil` for one of the engine's own, `/docker-1a2b3c4d/docker`.
    ///   Docker's default, `/docker`, may be another engine's too.
    public init(parent: String? = nil) async throws {
        let top = parent ?? "/\(directory.url.lastPathComponent)"
        self.parent = parent ?? "\(top)/docker"
        let isThere = cgroupMounts.contains { FileManager.default.fileExists(atPath: "\($0)\(top)") }
        ownCgroup = isThere ? nil : top
        try directory.write("daemon.json", "{}")
        try await start()
        try await importImage(in: directory)
    }

    deinit {
        server.end(in: directory) { [ownCgroup] in
            if let ownCgroup { removeCgroup(ownCgroup) }
        }
    }

    /// The id.
    public func cgroupName(of id: String) -> String { id }

    /// Starts a stopped engine, whose containers have ended with it, and waits until it takes requests.
    public func start() async throws {
        let started = try await Daemon.ready(
            [
                "unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$@\"", "dockerd",
                "dockerd", "--host", "unix://\(socket)", "--data-root", data,
                "--exec-root", directory.path("exec"),
                "--pidfile", directory.path("pid"),
                "--config-file", directory.path("daemon.json"),
                // No network and no storage driver that would need anything of the machine.
                "--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false",
                "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", parent,
            ],
            stop: "TERM", log: directory.path("log"), says: "API listen on")
        server.run(started)
    }

    /// Ends the engine and its containers.
    public func stop() async throws {
        try await server.stop()
    }

    /// Sends a signal to the engine, not to its containers.
    public func signal(_ number: CInt) {
        server.running?.signal(number)
    }
}
