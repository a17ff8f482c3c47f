import Foundation
import Glibc
import Lab
import Testing

/// What `check` says where the kernel shows the program less than the whole machine.
@Suite(
    .startsServers, .timeLimit(.minutes(15)),
    .enabled(if: geteuid() == 0 && TestCgroup() != nil, "takes root and cgroups that can be made"))
struct ContainerCheckTests {
    private static let alone = "only the exporter's own cgroup can be seen"
    private static let foreign = "the processes of containers have no numbers here"
    private static let openFiles = "the open files and sockets of other users' processes cannot be counted"
    private let directory = TemporaryDirectory("check")

    /// - Returns: What is said of the containers, and whether there is something to mend.
    private func check(_ command: String...) async throws -> (output: String, isBroken: Bool) {
        let result = try await Lab.run(
            ["timeout", "60"] + command + [Exporter.binary, "check"], environment: .only([:]))
        #expect(result.status == 0 || result.status == 1, "\(result.errors)")
        return (result.output, result.status == 1)
    }

    /// A process in a container of Docker's, in every hierarchy.
    private func container() async throws -> Daemon {
        let script = """
            set -e
            for directory in $(awk '$3 ~ /^cgroup/ && $4 !~ /cpuset/ { print $2 }' /proc/self/mounts); do
                mkdir -p "$directory/check-test/$0"
                echo $$ > "$directory/check-test/$0/cgroup.procs"
            done
            echo ready
            exec sleep 600
            """
        let daemon = try Daemon(["sh", "-c", script, Self.id], stop: "KILL", log: directory.path("log"))
        #expect(try await eventually { directory.text("log").contains("ready") })
        return daemon
    }

    private static let id = String(repeating: "c0ffee00", count: 8)

    private func remove() async throws {
        let script = """
            for directory in $(awk '$3 ~ /^cgroup/ && $4 !~ /cpuset/ { print $2 }' /proc/self/mounts); do
                for attempt in 1 2 3 4 5 6 7 8 9 10; do
                    rmdir "$directory/check-test/$0" 2> /dev/null && break
                    [ -d "$directory/check-test/$0" ] || break
                    sleep 0.1
                done
                rmdir "$directory/check-test"
            done
            """
        try await Lab.run(["sh", "-c", script, Self.id])
    }

    @Test func whatIsNotSeenIsSaid() async throws {
        let daemon = try await container()
        do {
            try await lookFromEverywhere()
        } catch {
            Issue.record(error)
        }
        daemon.stop()
        try await remove()
    }

    private func lookFromEverywhere() async throws {
        let (whole, isBroken) = try await check()
        #expect(!isBroken, "\(whole)")
        #expect(whole.contains("containers (containers): up"))
        for line in [Self.alone, Self.foreign, Self.openFiles] { #expect(!whole.contains(line)) }

        // What is printed for Compose and for Docker leaves these namespaces out, and then it is as above.
        let (namespace, isNamespaceBroken) = try await check("unshare", "--pid", "--fork", "--mount-proc")
        #expect(isNamespaceBroken)
        #expect(namespace.contains("\n      compose.yaml: pid: host\n      or docker run: --pid=host\n"))
        #expect(namespace.contains(Self.foreign))
        #expect(!namespace.contains(Self.alone))

        // The host's procfs knows them all.
        let (bound, isBoundBroken) = try await check(
            "unshare", "--mount", "sh", "-c",
            "mount --bind /proc \(directory.path) && exec unshare --pid --fork --mount-proc env "
                + "STACK_EXPORTER_PATH_PROCFS=\(directory.path) \"$0\" \"$@\"")
        #expect(bound.contains("containers (containers): up"))
        #expect(!bound.contains(Self.foreign) && !isBoundBroken, "\(bound)")

        let (nobody, isNobodyBroken) = try await check(
            "setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--no-new-privs")
        #expect(nobody.contains("hint: \(Self.openFiles)") && !isNobodyBroken, "\(nobody)")
        #expect(!nobody.contains(Self.alone))

        // The mounts of before show the whole machine also in a namespace of cgroups, as a bound directory does.
        #expect(try await !check("unshare", "--cgroup").output.contains(Self.alone))
        let (own, isOwnBroken) = try await check("unshare", "--mount", "sh", "-c", Self.mountAnew)
        #expect(own.contains("mend: \(Self.alone)") && isOwnBroken)
        #expect(own.contains("\n      compose.yaml: cgroup: host\n      or docker run: --cgroupns=host\n"))
    }

    /// Enters the container's cgroups, and mounts every hierarchy anew from a namespace that begins there.
    private static let mountAnew = """
        set -e
        awk '$3 ~ /^cgroup/ && $4 !~ /cpuset/ { print $2, $3, $4 }' /proc/self/mounts > /tmp/mounts.$$
        while read -r directory type options; do
            echo $$ > "$directory/check-test/\(id)/cgroup.procs"
        done < /tmp/mounts.$$
        exec unshare --cgroup sh -c '
            set -e
            while read -r directory type options; do
                umount "$directory"
                mount -t "$type" -o "$options" none "$directory"
            done < "$0"
            rm "$0"
            exec "$@"' /tmp/mounts.$$ "$0" "$@"
        """
}
