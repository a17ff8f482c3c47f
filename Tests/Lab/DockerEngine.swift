public import Foundation

/// A real Docker engine with its containers, which go with it.
///
/// Whatever it mounts, and whatever it and containerd put into `/run`, is in a mount namespace of its own: it does not
/// meet another engine of this machine, and nothing of it outlives its last process.
public final class DockerEngine: ContainerEngine {
    /// Where the engine's data, log and socket are.
    public let directory: URL
    /// The cgroup of all its containers.
    public let parent: String
    /// What goes with it, unless it was there before.
    private let ownCgroup: String?
    private let server = Restartable()

    /// The socket that it listens on.
    public var socket: String { directory.appendingPathComponent("docker.sock").path }
    /// What the engine keeps of its containers, `/var/lib/docker` elsewhere.
    public var data: String { directory.appendingPathComponent("data").path }

    private var configuration: URL { directory.appendingPathComponent("daemon.json") }

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
        directory = try directoryOnDisk("docker")
        self.parent = parent ?? "/\(directory.lastPathComponent)/docker"
        let top = parent ?? "/\(directory.lastPathComponent)"
        let isThere = cgroupMounts.contains { FileManager.default.fileExists(atPath: "\($0)\(top)") }
        ownCgroup = isThere ? nil : top
        try Data("{}".utf8).write(to: configuration)
        try await start()
        try await importImage(in: directory)
    }

    deinit {
        server.stopAtOnce()
        if let ownCgroup { removeCgroup(ownCgroup) }
        try? FileManager.default.removeItem(at: directory)
    }

    /// The id.
    public func cgroupName(of id: String) -> String { id }

    /// Starts a stopped engine, whose containers have ended with it, and waits until it takes requests.
    public func start() async throws {
        let started = try await Daemon.ready(
            [
                "unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$@\"", "dockerd",
                "dockerd", "--host", "unix://\(socket)", "--data-root", data,
                "--exec-root", directory.appendingPathComponent("exec").path,
                "--pidfile", directory.appendingPathComponent("pid").path,
                "--config-file", configuration.path,
                // No network and no storage driver that would need anything of the machine.
                "--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip6tables=false",
                "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", parent,
            ],
            stop: "TERM", log: directory.appendingPathComponent("log"), says: "API listen on")
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
