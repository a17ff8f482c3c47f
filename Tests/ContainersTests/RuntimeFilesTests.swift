import Foundation
import Glibc
import Lab
import Scraping
import Testing

@testable import Containers

private let web = "17d539c4a78c0eb8f87d7a194b3a834e104f464c4e66a7c47289c6e1afc15f09"
private let disk = "b3af8221e7c7571f02ff4f466da89985df454be951cf3b79c7bf617e1e7741e5"
private let flaky = "8b7a18cec64d9723e6682887a5c6f8580281f458e29e5c7d0d8862dfe0b57658"
private let podman = "5e37e04eb7a93e2ebc99a7b9f05c6e544b0fd7333f093b3ee5af4d23bad77dcd"
private let task = "aeb24056810d3d1f1e8afee61a0bc0028556eb0fb49a215ae5eb1b970cad0315"
private let unknown = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"

/// The files are those of dockerd 20.10, Podman 4.3 (containers/storage 1.43) and containerd 1.6.
@Suite("What runtimes leave on disk")
struct RuntimeFilesTests {
    private let tree = TemporaryDirectory("tree", in: .memory)

    private static let recorded = (Bundle.module.resourceURL ?? URL(filePath: ".")).appending(path: "Fixtures/runtime")
        .path

    private func files(_ root: String, labels: [String]? = nil) -> RuntimeFiles {
        var settings = ContainersTarget.Settings()
        settings.rootfs = root
        if let labels { settings.labels = labels }
        return RuntimeFiles(settings: settings)
    }

    /// Asks about a container by the path of its cgroup.
    private func details(_ path: String, _ files: RuntimeFiles) throws -> ContainerDetails? {
        let cgroups = TemporaryDirectory("tree", in: .memory)
        try cgroups.write("\(path)/cgroup.procs", "")
        let walk = try CgroupTree(root: cgroups.path)
        try walk.refresh(now: 0, until: Deadline(after: .seconds(30)))
        let cgroup = try #require(walk.exported.first { $0.container != nil })
        return files.details(of: try #require(cgroup.container), cgroup: cgroup)
    }

    @Test("Docker's records, and of them only what stays while the container runs")
    func docker() throws {
        var expected = ContainerDetails()
        expected.name = "web"
        expected.image = "bench/busybox:1.35"
        expected.labels = ["com.docker.compose.project": "shop", "com.docker.compose.service": "web"]
        expected.restartCount = 0
        expected.processID = 14577
        expected.created = 1_795_277_561
        expected.started = 1_795_277_561
        expected.network = .own
        #expect(try details("docker/\(web)", files(Self.recorded)) == expected)
        #expect(try details("system.slice/docker-\(web).scope", files("\(Self.recorded)/")) == expected)
        #expect(try details("custom/\(web)", files(Self.recorded))?.name == "web")

        let all = try #require(try details("docker/\(web)", files(Self.recorded, labels: ["*"])))
        #expect(all.labels.count == 4)
        #expect(all.labels["odd-key/with.chars"] == "väl\"ue")
        #expect(try details("docker/\(web)", files(Self.recorded, labels: []))?.labels == [:])

        #expect(try details("docker/\(disk)", files(Self.recorded))?.network == .host)
        // Between two runs.
        let between = try #require(try details("docker/\(flaky)", files(Self.recorded)))
        #expect(between.restartCount == 3)
        #expect(between.processID == nil)
        #expect(try details("docker/\(unknown)", files(Self.recorded)) == nil)
    }

    @Test("Docker's network, shares and pods")
    func dockerHost() throws {
        try tree.write(
            "var/lib/docker/containers/\(web)/config.v2.json",
            """
            {"ID":"\(web)","Name":"/k8s_POD_web-0_shop_1_0","Created":"0001-01-01T00:00:00Z","State":{"Pid":0},
             "Config":{"Labels":{"io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.name":"web-0",
             "io.kubernetes.container.name":"POD"}}}
            """)
        try tree.write(
            "var/lib/docker/containers/\(web)/hostconfig.json",
            #"{"NetworkMode":"container:\#(disk)","CpuShares":512}"#)
        let details = try #require(try details("kubepods/pod1/docker-\(web)", files(tree.path)))
        #expect(details.network == .container(disk))
        #expect(details.cpuShares == 512)
        #expect(details.pod == ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: ""))
        #expect(details.created == nil)
        #expect(details.started == nil)
    }

    @Test(
        "Docker's records that are none",
        arguments: [
            "", "{", "[]", "null", #"{"ID":"other","Name":"/x"}"#, #"{"Name":"/x"}"#,
            #"{"ID":"\#(web)","Name":"/x"}"# + String(repeating: " ", count: 1 << 20),
        ])
    func malformed(text: String) throws {
        try tree.write("var/lib/docker/containers/\(web)/config.v2.json", text)
        #expect(try details("docker/\(web)", files(tree.path)) == nil)
    }

    @Test("members of the wrong type are absent")
    func wrongTypes() throws {
        try tree.write(
            "var/lib/docker/containers/\(web)/config.v2.json",
            #"{"ID":"\#(web)","Name":1,"Created":2,"RestartCount":1e99,"State":[],"#
                + #""Config":{"Image":{},"Labels":{"a":1}}}"#
        )
        try tree.write("var/lib/docker/containers/\(web)/hostconfig.json", #"{"CpuShares":-1,"NetworkMode":null}"#)
        #expect(try details("docker/\(web)", files(tree.path, labels: ["*"])) == ContainerDetails())
    }

    @Test("pipes, links, devices and directories are no files", .timeLimit(.minutes(1)))
    func noFiles() throws {
        try tree.write("real", "1\n")
        #expect(RegularFile.contents(of: "\(tree.path)/real") == Array("1\n".utf8))
        #expect(RegularFile.contents(of: "\(tree.path)/real", limit: 2) != nil)
        #expect(RegularFile.contents(of: "\(tree.path)/real", limit: 1) == nil)
        #expect(mkfifo("\(tree.path)/pipe", 0o600) == 0)
        #expect(symlink("\(tree.path)/real", "\(tree.path)/link") == 0)
        for path in ["\(tree.path)/pipe", "\(tree.path)/link", tree.path, "/dev/zero", "\(tree.path)/missing"] {
            #expect(RegularFile.contents(of: path) == nil, "\(path)")
        }
        // A file of the kernel's has no size until it is read.
        #expect(RegularFile.contents(of: "/proc/self/status", limit: 16) == nil)
    }

    @Test(
        "a process by its number",
        arguments: [("14577", 14577), ("1\n", 1), ("0", nil), ("", nil), ("-1", nil), ("x", nil)])
    func processID(text: String, expected: Int?) throws {
        try tree.write("pid", text)
        #expect(RegularFile.processID("\(tree.path)/pid") == expected)
    }

    @Test("Podman's records, read anew when they are written")
    func podmanFiles() throws {
        let recorded = try #require(try details("machine.slice/libpod-\(podman).scope", files(Self.recorded)))
        #expect(recorded.name == "web_2")
        #expect(recorded.image == "localhost/names/busybox:1")
        #expect(recorded.created == 1_795_278_055)
        #expect(recorded.pod == nil)
        #expect(recorded.processID == nil)

        let files = files(tree.path)
        let path = "kubepods/pod1/crio-\(unknown)"
        #expect(!files.haveChanged())
        #expect(try details(path, files) == nil)
        #expect(!files.haveChanged())
        try tree.write(
            "var/lib/containers/storage/vfs-containers/volatile-containers.json",
            #"[{"id":"\#(unknown)","names":["k8s_app_web-0_shop_1_0"],"metadata":"{\"image-name\":\"nginx\"}"},7,{}]"#)
        try tree.write("run/containers/storage/vfs-containers/\(unknown)/userdata/pidfile", "4711")
        #expect(files.haveChanged())
        #expect(!files.haveChanged())
        let details = try #require(try details(path, files))
        #expect(details.name == "k8s_app_web-0_shop_1_0")
        #expect(details.image == "nginx")
        #expect(details.processID == 4711)
        #expect(details.pod == ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: "app"))
    }

    @Test("containerd's tasks")
    func containerd() throws {
        for path in ["k8s.io/\(task)", "kubepods/pod1/\(task)", "system.slice/nerdctl-\(task).scope"] {
            let details = try #require(try details(path, files(Self.recorded, labels: ["*"])))
            #expect(details.pod == ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: "app"))
            #expect(details.image == "docker.io/library/busybox:1.36")
            #expect(details.labels == ["com.docker.compose.project": "shop", "io.kubernetes.pod.name": "web-0"])
            #expect(details.processID == 23278)
        }
        try tree.write(
            "run/k3s/containerd/io.containerd.runtime.v2.task/default/\(task)/config.json",
            #"{"annotations":{"nerdctl/name":"shop_web"}}"#)
        #expect(try details("default/\(task)", files(tree.path))?.name == "shop_web")
        try tree.write(
            "run/containerd/io.containerd.runtime.v2.task/ours/\(disk)/config.json",
            #"{"annotations":{"nerdctl/name":"own_namespace"}}"#)
        #expect(try details("ours/\(disk)", files(tree.path))?.name == "own_namespace")
        try tree.write(
            "run/containerd/io.containerd.runtime.v2.task/k8s.io/\(unknown)/config.json",
            """
            {"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.container-name":"x",
            "io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}
            """)
        let sandbox = try details("kubepods/pod1/\(unknown)", files(tree.path))
        #expect(sandbox?.pod == ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: ""))
    }

    @Test("Kubernetes' logs, listed anew when a container is not among them")
    func logs() throws {
        let files = files(tree.path)
        let path = "kubepods/burstable/pod0f3c-1/\(task)"
        #expect(!files.haveChanged())
        #expect(try details(path, files) == nil)
        try tree.write("var/log/pods/shop_web-0_0f3c-1/app/0.log", "")
        try tree.write("var/log/pods/not a pod", "")
        let pod = ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: "")
        #expect(files.haveChanged())
        #expect(try details(path, files)?.pod == pod)
        #expect(files.pod(uid: "0f3c-1") == pod)
        #expect(files.pod(uid: "other") == nil)
        // The link comes once the container runs.
        for name in [
            "web-0_shop_app-\(task).log", "a_b_c_d-\(unknown).log", "_shop_app-\(disk).log", "x", "-.log", ".log",
        ] {
            try tree.write("var/log/containers/\(name)", "")
        }
        #expect(files.haveChanged())
        #expect(
            try details(path, files)?.pod == ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: "app"))
        for id in [unknown, disk] {
            #expect(try details("kubepods/burstable/pod1/\(id)", files) == nil)
        }
        #expect(!files.haveChanged())
    }

    @Test("a record that is older than its container's start is looked at a few times more")
    func patience() throws {
        let files = files(Self.recorded)
        #expect(!files.haveChanged())
        var times = 0
        repeat {
            #expect(try details("docker/\(flaky)", files)?.processID == nil)
            times += 1
        } while files.haveChanged() && times < 100
        #expect(times == 6)
        #expect(try details("docker/\(web)", files)?.processID != nil)
        #expect(!files.haveChanged())
    }

    @Test("nothing is known of build steps, machines and of what may not be read")
    func others() throws {
        for path in ["docker/buildkit/h3k9x0a7c5b2d1e8f6g4j2k1l", "lxc/101", "machine.slice/systemd-nspawn@a.service"] {
            #expect(try details(path, files(Self.recorded)) == nil)
        }
    }

    @Test("the usual root directories that are there, and our own last")
    func roots() {
        var settings = ContainersTarget.Settings()
        #expect(settings.rootDirectories.last == "")
        settings.rootfs = "/mnt/host/"
        #expect(settings.rootDirectories == ["/mnt/host"])
        settings.rootfs = "/"
        #expect(settings.rootDirectories == [""])
    }
}

@Suite("Times of RFC 3339")
struct InternetTimeTests {
    @Test(
        "seconds since 1970",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2026-11-21T16:12:41Z", 1_795_277_561),
            ("2024-02-29T12:00:00Z", 1_709_208_000),
            ("2000-03-01T00:00:00+01:00", 951_865_200), ("2100-01-01T00:00:00-05:30", 4_102_464_600),
            ("2026-11-21T16:12:43.067019839Z", 1_795_277_563), ("2000-02-29T23:59:60Z", 951_868_800),
            ("2024-03-01T00:00:00+05:30", 1_709_231_400), ("2024-12-31T23:59:59.9-00:01", 1_735_689_659),
        ])
    func seconds(text: String, expected: Double) {
        #expect(InternetTime.seconds(text) == expected)
    }

    @Test(
        "anything else",
        arguments: [
            "0001-01-01T00:00:00Z", "", "2026-11-21", "2026-11-21T16:12:41", "2026-11-21 16:12:41Z",
            "2026-13-21T16:12:41Z", "2026-00-21T16:12:41Z", "2026-11-32T16:12:41Z", "2026-11-21T24:12:41Z",
            "2026-11-21T16:60:41Z", "2026-11-21T16:12:61Z", "2026-11-21T16:12:41.Z", "2026-11-21T16:12:41ZZ",
            "2026-11-21T16:12:41+1:00", "+026-11-21T16:12:41Z", "1969-12-31T23:59:59.25Z",
            "2026-11-21T16:12:4äZ", "99999-11-21T16:12:43Z",
            "2026-11-21T16:12:41.\(String(repeating: "1", count: 99))Z",
        ])
    func none(text: String) {
        #expect(InternetTime.seconds(text) == nil)
    }
}
