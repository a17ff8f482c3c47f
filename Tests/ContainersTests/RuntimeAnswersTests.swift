import Foundation
import Scraping
import Testing

@testable import Containers

@Suite("What engines answer")
struct RuntimeAnswersTests {
    private let all: ContainersTarget.Settings = {
        var settings = ContainersTarget.Settings()
        settings.labels = ["*"]
        return settings
    }()

    @Test("a running container of Docker")
    func docker() throws {
        let (id, details, parent) = try RuntimeRecording("docker-inspect-web").inspected()
        #expect(id == "17d539c4a78c0eb8f87d7a194b3a834e104f464c4e66a7c47289c6e1afc15f09")
        var expected = ContainerDetails()
        expected.name = "web"
        expected.image = "bench/busybox:1.35"
        expected.labels = ["com.docker.compose.project": "shop", "com.docker.compose.service": "web"]
        expected.state = .running
        expected.restartCount = 0
        expected.created = 1_795_277_561
        expected.started = 1_795_277_561
        expected.processID = 14577
        expected.network = .own
        #expect(details == expected)
        #expect(parent == nil)
    }

    @Test("all labels, and nothing of the environment")
    func labels() throws {
        let details = try RuntimeRecording("docker-inspect-web").inspected(all).details
        #expect(
            details.labels == [
                "com.docker.compose.project": "shop", "com.docker.compose.service": "web",
                "odd-key/with.chars": "väl\"ue", "org.opencontainers.image.title": "busybox of Debian",
            ])
        #expect(!"\(details)".contains("PATH"))
    }

    @Test("how containers are and how they ended")
    func states() throws {
        func details(_ name: String) throws -> ContainerDetails { try RuntimeRecording(name).inspected().details }
        let sick = try details("docker-inspect-sick")
        #expect(sick.health == .unhealthy)
        #expect(sick.state == .running)
        let killed = try details("docker-inspect-oom-main")
        #expect(killed.state == .exited)
        #expect(killed.exitCode == 137)
        #expect(killed.wasOutOfMemory == true)
        #expect(killed.processID == nil)
        let flaky = try details("docker-inspect-flaky")
        #expect(flaky.restartCount == 3)
        #expect(flaky.exitCode == 7)
        #expect(flaky.wasOutOfMemory == false)
        let born = try details("docker-inspect-born")
        #expect(born.state == .created)
        #expect(born.started == nil)
        #expect(born.exitCode == nil)
        #expect(born.wasOutOfMemory == nil)
    }

    @Test("Podman's")
    func podman() throws {
        func details(_ name: String) throws -> ContainerDetails {
            try RuntimeRecording("podman-inspect-\(name)").inspected().details
        }
        let web = try details("pweb")
        #expect(web.name == "pweb")
        #expect(web.image == "localhost/bench/busybox:1.35")
        #expect(web.labels == ["com.docker.compose.project": "shop", "com.docker.compose.service": "web"])
        #expect(web.state == .running)
        #expect(web.health == nil)
        #expect(web.processID == 23916)
        #expect(web.created == 1_795_277_632)
        #expect(web.started == 1_795_277_633)
        #expect(try details("phost").network == .host)
        #expect(try details("psick").health == .unhealthy)
        #expect(try details("psick-healthy").health == .healthy)
        let flaky = try details("pflaky")
        #expect(flaky.restartCount == 3)
        #expect(flaky.exitCode == 7)
        #expect(try details("poom").exitCode == 137)
        #expect(try details("pborn").state == .created)
    }

    @Test("lists tell the same names, images, labels, states and dates", arguments: ["docker", "podman"])
    func lists(engine: String) throws {
        let listed = try RuntimeRecording("\(engine)-containers").listed()
        #expect(listed.count >= 6)
        let names = engine == "docker" ? ["oom-main"] : ["psick", "pflaky", "phost", "poom", "pborn"]
        for name in names {
            let details = try RuntimeRecording("\(engine)-inspect-\(name)").inspected().details
            let entry = try #require(listed[name])
            #expect(entry.image == details.image)
            #expect(entry.labels == details.labels)
            #expect(entry.state == details.state)
            #expect(entry.created == details.created)
        }
    }

    @Test("events, whatever they are about, name their container", arguments: [("docker", 28), ("podman", 20)])
    func events(engine: String, count: Int) throws {
        let events = try RuntimeRecording("\(engine)-events").objects
        #expect(events.count >= count)
        #expect(events.allSatisfy { RuntimeAnswers.event($0) != nil })
        let ends = events.filter { RuntimeAnswers.event($0)?.isEnd == true }
        #expect(ends.count == 2)
        #expect(ends.allSatisfy { ["destroy", "remove"].contains($0["Action"]?.string) })
    }

    @Test("the forms that stand beside them")
    func forms() throws {
        let id = String(repeating: "a", count: 64)
        let other = String(repeating: "b", count: 64)
        func inspected(_ json: String) -> ContainerDetails? {
            JSONText(Array(json.utf8)).flatMap { RuntimeAnswers.inspected($0, all)?.details }
        }
        #expect(inspected("{\"Id\":\"\(id)\"}") == nil)
        #expect(inspected("{\"Id\":\"short\",\"State\":{}}") == nil)
        #expect(inspected("{\"Id\":\"../../\(id.dropFirst(6))\",\"State\":{}}") == nil)
        #expect(inspected("{\"Id\":\"\(id)\",\"State\":{}}") == ContainerDetails())
        let full = inspected(
            """
            {"Id":"\(id)","RestartCount":-1,"State":{"Status":"restarting","ExitCode":-1,"Running":true,"Pid":0,
            "StartedAt":"2026-11-21T17:12:41.5+01:00","CgroupPath":"/machine.slice/libpod-\(id).scope"},
            "HostConfig":{"NetworkMode":"container:\(other)","CpuShares":512,"CgroupParent":"my.slice"},
            "Config":{"Labels":{"io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.name":"web-1",
            "io.kubernetes.container.name":"web"}}}
            """)
        #expect(full?.state == .restarting)
        #expect(full?.exitCode == -1)
        #expect(full?.restartCount == nil)
        #expect(full?.processID == nil)
        #expect(full?.started == 1_795_277_561)
        #expect(full?.network == .container(other))
        #expect(full?.cpuShares == 512)
        #expect(full?.cgroupPath == "/machine.slice/libpod-\(id).scope")
        #expect(full?.pod == .init(namespace: "shop", pod: "web-1", container: "web"))
        let listed = JSONText(
            Array("{\"Id\":\"\(id)\",\"Names\":[\"/a/alias\",\"/b\"],\"Image\":\"sha256:12\",\"Labels\":null}".utf8)
        ).flatMap { RuntimeAnswers.listed($0, all)?.details }
        #expect(listed?.name == "b")
        #expect(listed?.image == nil)
    }

    @Test("nothing that comes from outside is kept at any length")
    func lengths() throws {
        let id = String(repeating: "a", count: 64)
        let long = String(repeating: "ä", count: 100_000)
        let labels = (0..<1000).map { "\"k\($0)\":\"\(long.prefix(2000))\"" }.joined(separator: ",")
        let json = """
            {"Id":"\(id)","Name":"/\(long)","State":{"Status":"\(long)","CgroupPath":"/\(long)"},
            "Config":{"Image":"\(long)","Labels":{"\(long)":"x",\(labels)}}}
            """
        let object = try #require(JSONText(Array(json.utf8)))
        let details = try #require(RuntimeAnswers.inspected(object, all)).details
        #expect(details.name.map(\.utf8.count) ?? 0 <= 1030)
        #expect(details.image.map(\.utf8.count) ?? 0 <= 1030)
        #expect(details.cgroupPath.map(\.utf8.count) ?? 0 <= 4100)
        #expect(details.labels.count == ContainerDetails.maximumLabels)
        #expect(details.labels.allSatisfy { $0.key.utf8.count <= 1024 && $0.value.utf8.count <= 1030 })
        #expect(details.state == nil)
    }

    @Test("where an engine puts containers")
    func placement() throws {
        let id = String(repeating: "a", count: 64)
        func placement(_ json: String) -> RuntimeAnswers.Placement? {
            JSONText(Array(json.utf8)).flatMap(RuntimeAnswers.Placement.init)
        }
        let docker = try #require(
            try RuntimeRecording("docker-info").objects.first.flatMap(RuntimeAnswers.Placement.init))
        #expect(docker.path(of: id, parent: nil) == "/docker/\(id)")
        #expect(docker.path(of: id, parent: "/my/own") == "/my/own/\(id)")
        let podman = try #require(
            try RuntimeRecording("podman-info").objects.first.flatMap(RuntimeAnswers.Placement.init))
        #expect(podman.path(of: id, parent: nil) == "/libpod_parent/libpod-\(id)")
        let systemd = try #require(placement("{\"CgroupDriver\":\"systemd\",\"SecurityOptions\":[\"name=seccomp\"]}"))
        #expect(systemd.path(of: id, parent: nil) == "/system.slice/docker-\(id).scope")
        #expect(systemd.path(of: id, parent: "my-own.slice") == "/my.slice/my-own.slice/docker-\(id).scope")
        #expect(systemd.path(of: id, parent: "/odd") == nil)
        let podmanOfSystemd = placement("{\"CgroupDriver\":\"systemd\",\"BuildahVersion\":\"1.28\"}")
        #expect(podmanOfSystemd?.path(of: id, parent: nil) == "/machine.slice/libpod-\(id).scope")
        let rootless = placement("{\"CgroupDriver\":\"systemd\",\"SecurityOptions\":[\"name=rootless\"]}")
        #expect(rootless != nil)
        #expect(rootless?.path(of: id, parent: nil) == nil)
        #expect(placement("{\"CgroupDriver\":\"none\"}") == nil)
    }

    @Test("the same objects come out, whatever the pieces", arguments: [1, 2, 7, 1000])
    func pieces(size: Int) throws {
        for name in ["docker-containers", "docker-events", "podman-events", "docker-inspect-sick"] {
            let recording = try RuntimeRecording(name)
            let whole = try recording.objects.map { Array($0.bytes) }
            #expect(!whole.isEmpty)
            #expect(try recording.body.objects(pieces: size).map { Array($0.bytes) } == whole)
        }
        let tricky = Array("[ {\"a\":\"}\\\"{[\"} ,{\"b\":[{}]}]".utf8)
        #expect(
            try tricky.objects(pieces: size).map { String(decoding: $0.bytes, as: UTF8.self) }
                == ["{\"a\":\"}\\\"{[\"}", "{\"b\":[{}]}"])
    }

    @Test("what is complete")
    func completeness() throws {
        func isComplete(_ text: String) throws -> Bool {
            var objects = JSONObjects(limit: 100)
            try Array(text.utf8).withUnsafeBytes { try objects.take($0) { _ in } }
            return objects.isComplete
        }
        for text in ["[]", "[{}]", "{}\n", "null", "[{\"a\":\"]\"}] "] { #expect(try isComplete(text)) }
        for text in ["", " ", "[", "[{}", "[{}]]", "{", "[{\"a\":\"}]"] { #expect(try !isComplete(text)) }
        #expect(throws: JSONObjects.TooLong.self) { try isComplete("{\"a\":\"" + String(repeating: "x", count: 100)) }
        #expect(try isComplete(String(repeating: "{} ", count: 100)))
    }

    @Test("an answer that is cut off tells nothing, and one with a wrong byte is no crash")
    func damage() throws {
        var random = SystemRandomNumberGenerator()
        for name in ["docker-inspect-sick", "podman-inspect-pweb", "docker-inspect-flaky"] {
            let body = try RuntimeRecording(name).body
            let end = try #require(body.lastIndex(of: UInt8(ascii: "}")))
            // Cut at every byte.
            #expect(try Array(body[..<end]).objects(pieces: 1).isEmpty)
            for position in stride(from: 0, to: body.count, by: 17) {
                // Where the end is there, and the middle is not.
                let holed = Array(body[..<position] + [UInt8(ascii: "}")])
                for object in try holed.objects() { _ = RuntimeAnswers.inspected(object, all) }
                var wrong = body
                wrong[position] = UInt8.random(in: 0...255, using: &random)
                for object in try wrong.objects() {
                    guard let told = RuntimeAnswers.inspected(object, all) else { continue }
                    #expect(Container.isID(told.id))
                    _ = RuntimeAnswers.listed(object, all)
                    _ = RuntimeAnswers.event(object)
                    _ = RuntimeAnswers.Placement(object)
                }
            }
        }
    }
}
