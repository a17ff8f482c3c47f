import Foundation

/// What initdb makes, which takes longer than many a test: made once for each version, and copied by every server that
/// runs meanwhile. It goes with the last of them.
final class EmptyCluster: Sendable {
    /// Where the server's programs are.
    let programs: URL
    /// Whether the version comes with contrib: the package of 13 does not.
    let hasContrib: Bool
    private let directory: TemporaryDirectory

    var data: String { directory.path("data") }

    private actor Shared {
        private struct Version {
            weak var current: EmptyCluster?
            var making: Task<EmptyCluster, any Error>?
        }

        private var versions: [Int?: Version] = [:]

        func get(version: Int?) async throws -> EmptyCluster {
            if let current = versions[version]?.current { return current }
            let task = versions[version]?.making ?? Task { try await EmptyCluster(version: version) }
            versions[version] = Version(making: task)
            let made = await task.result
            versions[version] = Version(current: try? made.get())
            return try made.get()
        }
    }

    private static let holder = Shared()

    /// - Parameter version: `nil` for Debian's.
    static func shared(version: Int?) async throws -> EmptyCluster {
        try await holder.get(version: version)
    }

    private init(version: Int?) async throws {
        let installation = try PostgresInstallation.of(version: version)
        directory = try await ownDirectory()
        var root = installation.directory
        if !installation.isPublic {
            root = directory.url.appending(path: "server")
            let copied = try await run(["cp", "-a", installation.directory.path, root.path])
            guard copied.status == 0 else { throw LabError("cp: \(copied.errors)") }
        }
        programs = root.appendingPathComponent("bin")
        hasContrib = FileManager.default.fileExists(
            atPath: root.appendingPathComponent("lib/pg_stat_statements.so").path)
        let made = try await run(
            [
                programs.appendingPathComponent("initdb").path, "-D", data, "-U", "postgres",
                "-A", "scram-sha-256", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8", "--wal-segsize=1",
                "--pwfile=/dev/stdin",
            ],
            as: "postgres", input: PostgresServer.password)
        guard made.status == 0 else { throw LabError("initdb: \(made.errors)") }
    }
}

/// A new temporary directory that the server's user owns.
func ownDirectory() async throws -> TemporaryDirectory {
    let directory = TemporaryDirectory("pg")
    if getuid() == 0 { try await run(["chown", "postgres:postgres", directory.path]) }
    return directory
}
