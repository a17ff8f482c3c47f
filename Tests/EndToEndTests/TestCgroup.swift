import Foundation
import Lab

/// A cgroup by the name of a container, in every hierarchy that this process may write to.
final class TestCgroup: Sendable {
    /// As in the `id` label.
    let id: String
    private let directories: [String]

    /// `nil` where none can be made.
    init?() {
        id = "/" + (0..<8).map { _ in String(format: "%08x", UInt32.random(in: .min ... .max)) }.joined()
        let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
        var made: [String] = []
        for mount in mounts.split(separator: "\n") {
            let fields = mount.split(separator: " ")
            // Processes cannot enter a cgroup of `cpuset` before it is set up.
            guard ["cgroup", "cgroup2"].contains(fields[2]), !fields[3].contains("cpuset") else { continue }
            if mkdir("\(fields[1])\(id)", 0o755) == 0 { made.append("\(fields[1])\(id)") }
        }
        directories = made
        if made.isEmpty { return nil }
    }

    deinit {
        for directory in directories { rmdir(directory) }
    }

    /// Has a process in it use the CPU for some time, and waits for its end.
    func use(seconds: Int) async throws {
        let join = directories.map { "echo $$ > \($0)/cgroup.procs; " }.joined()
        try await run(["sh", "-c", join + "ulimit -t \(seconds); while :; do :; done"])
    }
}
