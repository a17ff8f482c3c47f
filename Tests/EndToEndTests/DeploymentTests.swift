import Foundation
import Lab
import Testing

@testable import StackExporter

/// What else of `docker/` is checked without an engine: image, Kubernetes, systemd.
@Suite(.startsServers, .timeLimit(.minutes(15)))
struct DeploymentTests {
    private let directory = TemporaryDirectory("deployment")

    @Test(arguments: ["Dockerfile", "demo/Dockerfile"])
    func hadolintIsContent(path: String) async throws {
        let file = Repository.docker.appending(path: path).path
        let result = try await run([Repository.pythonProgram("hadolint"), file])
        #expect(result.status == 0)
        #expect(result.output + result.errors == "")
    }

    /// The validator has the schemas of Kubernetes, not those of Prometheus' operator.
    @Test(arguments: ["daemonset.yaml", "sidecar.yaml"])
    func kubernetesTakesTheFiles(name: String) async throws {
        let file = Repository.docker.appending(path: "kubernetes/\(name)").path
        let result = try await run([Repository.pythonProgram("kubernetes-validate"), "--strict", file])
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        let passed = (result.output + result.errors).matches(of: /passed for resource (\w+)/).map { String($0.1) }
        #expect(passed == (name == "sidecar.yaml" ? ["statefulset", "service"] : ["daemonset"]))

        // What selects finds: each monitor the labels and the port of what it is for.
        let script = """
            import sys, yaml
            documents = list(yaml.safe_load_all(open(sys.argv[1])))
            workload = documents[0]["spec"]["template"]
            ports = [port["name"] for c in workload["spec"]["containers"] for port in c["ports"]]
            monitor = documents[-1]
            target = {"ServiceMonitor": documents[-2], "PodMonitor": workload}[monitor["kind"]]
            assert monitor["spec"]["selector"]["matchLabels"].items() <= target["metadata"]["labels"].items()
            endpoints = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
            assert [e["port"] for e in endpoints] == ["metrics"]
            assert "metrics" in ports
            exporter = [c for c in workload["spec"]["containers"] if c["name"] == "stack-exporter"][0]
            assert exporter["image"] == "stack-exporter:" + sys.argv[2], exporter["image"]
            security = exporter["securityContext"]
            assert security["readOnlyRootFilesystem"] and security["runAsNonRoot"] and security["runAsUser"] == 65532
            assert security["capabilities"] == {"drop": ["ALL"]} and not security["allowPrivilegeEscalation"]
            assert all(mount.get("readOnly") for mount in exporter["volumeMounts"])
            """
        let checked = try await run([
            Repository.python, "-c", script, file, BuildInformation.version,
        ])
        #expect(checked.status == 0, "\(checked.errors)")
    }

    @Test func systemdTakesTheUnits() async throws {
        let names = ["stack-exporter.service", "stack-exporter.socket"]
        for name in names {
            let unit = try Repository.text("docker/systemd/\(name)")
            // It asks whether the program is there.
            try directory.write(name, unit.replacing("/usr/bin/stack-exporter", with: "/usr/bin/true"))
        }
        let result = try await run(["systemd-analyze", "verify"] + names.map(directory.path))
        #expect(result.status == 0)
        #expect(result.output + result.errors == "")
        // From 0 for a service that may do nothing to 10; 2 is good.
        let exposure = try await run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=20", directory.path(names[0])])
        #expect(exposure.status == 0, "\(exposure.output.suffix(200))")
    }

    /// Docker's networks are without IPv6: it listens on every address there is all the same, and finds itself well.
    @Test(.enabled("needs root") { getuid() == 0 }, arguments: [":19187", "[::]:19187", "0.0.0.0:19187", "eth:19187"])
    func itServesWhereNoInterfaceHasIPv6(address: String) async throws {
        let script = """
            echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
            echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
            ip link set lo up
            ip link add eth0 type veth peer name eth1
            ip link set eth0 up
            ip link set eth1 up
            ip address add 192.0.2.1/24 dev eth0
            mount --bind "$2" /etc/hosts
            "$1" &
            tries=0
            until "$1" health; do
                tries=$((tries + 1))
                [ $tries -lt 100 ]
                kill -0 $!
                sleep 0.1
            done
            curl -sSf --max-time 20 http://192.0.2.1:19187/-/healthy
            kill $!
            wait $!
            """
        // As Docker writes it.
        let hosts = try directory.write(
            "hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n192.0.2.1 eth\n")
        let result = try await run(
            [
                "timeout", "60", "unshare", "--net", "--mount", "sh", "-euc", script, "network", Exporter.binary,
                hosts,
            ],
            environment: .only(["STACK_EXPORTER_WEB_LISTEN_ADDRESS": address]))
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("ealthy"), "\(result.output)")
    }

    @Test func theListOfPartsIsSPDX() async throws {
        let program = Repository.docker.appending(path: "sbom").path
        let parts = """
            pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64
            pkg:deb/debian/libgmp10@2%3A6.2.1%2Bdfsg1-1.1?arch=amd64
            pkg:swift/github.com/apple/swift-nio@2.101.2

            """
        let made = try await run(
            [program, "stack-exporter", "1.2.3", "0123456789ab+"], environment: .added(["SOURCE_DATE_EPOCH": "1"]),
            input: parts)
        #expect(made.status == 0, "\(made.errors)")
        struct Document: Decodable {
            struct Package: Decodable {
                let name: String
                let versionInfo: String
            }
            struct Creation: Decodable { let created: String }
            let packages: [Package]
            let creationInfo: Creation
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(made.output.utf8))
        #expect(document.packages.map(\.name) == ["stack-exporter", "libstdc++6", "libgmp10", "swift-nio"])
        #expect(
            document.packages.map(\.versionInfo)
                == ["1.2.3", "12.2.0-14+deb12u1", "2:6.2.1+dfsg1-1.1", "2.101.2"])
        #expect(document.creationInfo.created == "1970-01-01T00:00:01Z")
        let file = try directory.write("parts.spdx.json", made.output)
        let valid = try await run([Repository.pythonProgram("pyspdxtools"), "--infile", file])
        #expect(valid.status == 0, "\(valid.output)\(valid.errors)")

        for line in ["libc6 2.36", "pkg:deb/debian/libc6", "pkg:deb/debian/libc6@", "pkg:deb/debian/lib c6@1"] {
            let refused = try await run([program, "stack-exporter", "1", "2"], input: "\(parts)\(line)\n")
            #expect(refused.status != 0)
            #expect(refused.errors.contains("line 4 is no package URL with a version: \(line)"), "\(refused.errors)")
        }
    }
}
