import Foundation
import Lab
import Testing

/// The program with a web configuration, in a directory of its own in which the configuration's paths begin.
final class WebExporter: Sendable {
    let directory = TemporaryDirectory("web")
    let port: Int
    let daemon: Daemon
    let certificates: Certificates

    /// Starts it and waits until it listens.
    ///
    /// - Parameters:
    ///   - configuration: In which `@/` stands for the certificates' directory.
    ///   - files: More files of its directory, by name.
    init(_ configuration: String?, files: [String: String] = [:], _ flags: String...) async throws {
        let certificates = try await Certificates.shared
        self.certificates = certificates
        port = freePort()
        for (name, text) in files { try directory.rewrite(name, text) }
        var flags = flags.map { $0.replacing("@/", with: "\(certificates.directory.path)/") }
        if let configuration {
            try directory.rewrite(
                "web.yml", configuration.replacing("@/", with: "\(certificates.directory.path)/"))
            flags.append("--web.config.file=\(directory.path("web.yml"))")
        }
        daemon = try Daemon(
            [Exporter.binary, "--web.listen-address=127.0.0.1:\(port)", "--log.level=debug"] + flags,
            environment: .only([:]), stop: "KILL", log: directory.path("log"))
        let listens = try await eventually { log.contains("msg=started") }
        guard listens else {
            daemon.stop()
            throw LabError("the exporter does not start: \(log)")
        }
    }

    deinit {
        daemon.stop()
    }

    /// What it has said on standard error.
    var log: String { directory.text("log") }

    /// Asks by HTTPS as curl does, trusting the tests' authority.
    func get(_ path: String = "/-/healthy", _ options: String...) async throws -> WebAnswer {
        try await get("https", path, options)
    }

    /// Asks in the clear.
    func getInTheClear(_ path: String = "/-/healthy", _ options: String...) async throws -> WebAnswer {
        try await get("http", path, options)
    }

    private func get(_ scheme: String, _ path: String, _ options: [String]) async throws -> WebAnswer {
        let options = options.map { $0.replacing("@/", with: "\(certificates.directory.path)/") }
        return WebAnswer(
            try await run(
                [
                    "curl", "-sS", "-i", "--max-time", "60", "--cacert", certificates.path("authority.pem"), "-w",
                    "\n%{http_code} %{http_version}",
                ] + options + ["\(scheme)://127.0.0.1:\(port)\(path)"], environment: .only([:])))
    }

    /// The status of an answer to `curl -u`.
    func status(_ login: String, _ path: String = "/-/healthy") async throws -> Int {
        try await getInTheClear(path, "-u", login).status
    }

    /// Shakes hands as `openssl s_client` does.
    ///
    /// - Returns: What it prints; `nil` where the server refuses.
    func handshake(_ options: String...) async throws -> String? {
        let options = options.map { $0.replacing("@/", with: "\(certificates.directory.path)/") }
        let result = try await run(
            ["timeout", "60", "openssl", "s_client", "-connect", "127.0.0.1:\(port)"] + options)
        return result.status == 0 && !result.output.contains("\nNew, (NONE)") ? result.output : nil
    }
}

extension TemporaryDirectory {
    /// Writes a file as if it had been so for a while: what was written a moment ago the exporter leaves alone.
    func rewrite(_ name: String, _ text: String) throws {
        let file = try write(name, text)
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -2)], ofItemAtPath: file)
    }
}

/// What curl has printed.
struct WebAnswer {
    /// 0 where there was no answer.
    let status: Int
    /// `1.1` or `2`
    let version: String
    let head: String
    let body: String
    let errors: String

    init(_ result: CommandResult) {
        let output = result.output.replacing("\r\n", with: "\n")
        let end = output.lastIndex(of: "\n") ?? output.startIndex
        let words = output[end...].split { $0 == " " || $0 == "\n" }
        status = words.first.flatMap { Int($0) } ?? 0
        version = words.dropFirst().first.map(String.init) ?? ""
        let rest = String(output[..<end])
        let headEnd = rest.firstRange(of: "\n\n") ?? rest.endIndex..<rest.endIndex
        head = String(rest[..<headEnd.lowerBound])
        body = String(rest[headEnd.upperBound...])
        errors = result.errors
    }

    func field(_ name: String) -> String? {
        head.split(separator: "\n").first { $0.lowercased().hasPrefix("\(name.lowercased()):") }
            .map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    }
}
