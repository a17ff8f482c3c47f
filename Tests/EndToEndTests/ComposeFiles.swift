import Foundation
import Lab

/// The files of `docker/` with secrets made for them, in a directory that goes with it.
final class ComposeFiles: Sendable {
    /// A service as far as the tests ask what is written of it.
    struct Service: Decodable {
        let image: String?
        let command: [String]?
        let environment: [String: String]?
        let volumes: [String]?
        let profiles: [String]?
        let user: String?
        let read_only: Bool?
        let privileged: Bool?
        let cap_add: [String]?
        let cap_drop: [String]?
        let security_opt: [String]?
        let mem_limit: String?
    }

    /// The copy of `docker/`.
    let directory = TemporaryDirectory("compose")

    init() async throws {
        // As it is in the repository, without what somebody has made there.
        let script = """
            cp -R "$1/." "$2"
            rm -rf "$2/secrets"
            "$2/make-secrets"
            """
        let made = try await run(["sh", "-euc", script, "copy", Repository.docker.path, directory.path])
        guard made.status == 0 else { throw LabError("make-secrets: \(made.errors)") }
    }

    /// What a secret's file holds.
    func secret(_ name: String) throws -> String {
        try text("secrets/\(name)")
    }

    func text(_ path: String) throws -> String {
        try String(contentsOfFile: directory.path(path), encoding: .utf8)
    }

    /// What Compose prints of files that it has checked.
    func configuration(_ files: String...) async throws -> String {
        let result = try await run(
            ["docker-compose", "--project-directory", directory.path]
                + files.flatMap { ["--file", directory.path($0)] } + ["config"])
        guard result.status == 0 else { throw LabError("\(files): \(result.errors)") }
        return result.output
    }

    /// The services of the stack.
    func services() async throws -> [String: Service] {
        try await decode([String: Service].self, from: configuration("compose.yaml"), "services")
    }

    /// A part of a YAML text.
    private func decode<T: Decodable>(_ type: T.Type, from yaml: String, _ key: String) async throws -> T {
        // Compose is written in Python and brings this package.
        let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)[sys.argv[1]]))"
        let result = try await run(["/usr/bin/python3", "-c", script, key], input: yaml)
        guard result.status == 0 else { throw LabError("no YAML: \(result.errors)") }
        return try JSONDecoder().decode(type, from: Data(result.output.utf8))
    }

    /// What a service is started with, where hosts and directories are those of a test and not of containers.
    func translated(_ text: String, hosts: [String: Int]) -> String {
        var text = text.replacing("/run/secrets", with: directory.path("secrets"))
            .replacing("/etc/stack-exporter", with: directory.path)
        for (host, port) in hosts { text = text.replacing(host, with: "127.0.0.1:\(port)") }
        return text
    }
}

extension PostgresServer {
    /// Runs the init scripts of `docker/postgres`, as the official image does for a new database.
    func initialize(with files: ComposeFiles) async throws {
        try await sql("CREATE DATABASE app")
        for script in ["10-exporter.sql", "20-app.sql"] {
            let text = files.translated(try files.text("postgres/\(script)"), hosts: [:])
            let result = try await sql(text, database: "app")
            guard result.status == 0 else { throw LabError("\(script): \(result.errors)") }
        }
    }
}
