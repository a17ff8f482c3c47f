import Testing

@testable import Containers

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"
private let other = "a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0fedcba9876543210"
private let user = "/user.slice/user-1000.slice/user@1000.service"
private let pod = "0f3c1a9e-7a51-4f2e-8f1c-2f6de6a3f001"
private let podSlice = "kubepods-burstable-pod0f3c1a9e_7a51_4f2e_8f1c_2f6de6a3f001.slice"

@Suite("Containers by the names of their cgroups")
struct ContainerTests {
    @Test(
        "every runtime's form of path",
        arguments: [
            ("/docker/\(id)", .docker, id),
            ("/custom/\(id)", .containerd, id),
            ("/system.slice/docker-\(id).scope", .docker, id),
            ("/my.slice/docker-\(id).scope", .docker, id),
            ("\(user)/user.slice/docker-\(id).scope", .docker, id),
            ("/ecs/cluster/4f6f3f0c29f94c0a8b7c6d5e4f302aab/\(id)", .docker, id),
            ("/ecs/4f6f3f0c29f94c0a8b7c6d5e4f302aab/\(id)", .docker, id),
            ("/ecstasks.slice/ecstasks-4f6f3f0c.slice/docker-\(id).scope", .docker, id),
            ("/docker/\(other)/docker/\(id)", .docker, id),
            ("/system.slice/docker-\(other).scope/docker/\(id)", .docker, id),
            ("/machine.slice/libpod-\(id).scope", .podman, id),
            ("/machine.slice/machine-libpod_pod_\(other).slice/libpod-\(id).scope", .podman, id),
            ("/libpod_parent/libpod-\(id)", .podman, id),
            ("/libpod_parent/\(other)/libpod-\(id)", .podman, id),
            ("\(user)/user.slice/libpod-\(id).scope", .podman, id),
            ("\(user)/user.slice/user-libpod_pod_\(other).slice/libpod-\(id).scope", .podman, id),
            ("/system.slice/web.service/libpod-payload-\(id)", .podman, id),
            ("\(user)/app.slice/web.service/libpod-payload-\(id)", .podman, id),
            ("/default/\(id)", .containerd, id),
            ("/system.slice/nerdctl-\(id).scope", .nerdctl, id),
            ("\(user)/user.slice/nerdctl-\(id).scope", .nerdctl, id),
            ("/kubepods.slice/kubepods-burstable.slice/\(podSlice)/cri-containerd-\(id).scope", .containerd, id),
            ("/kubepods.slice/kubepods-pod0f3c1a9e.slice/cri-containerd-\(id).scope", .containerd, id),
            ("/kubepods/burstable/pod\(pod)/\(id)", .kubernetes, id),
            ("/kubepods/pod\(pod)/\(id)", .kubernetes, id),
            ("/system.slice/containerd.service/\(podSlice):cri-containerd:\(id)", .containerd, id),
            ("/system.slice:docker:\(id)", .docker, id),
            ("/kubepods.slice/kubepods-burstable.slice/\(podSlice)/crio-\(id).scope", .crio, id),
            ("/kubepods.slice/kubepods-burstable.slice/\(podSlice)/docker-\(id).scope", .docker, id),
            ("/docker/\(other)/kubelet/kubepods/burstable/pod\(pod)/\(id)", .kubernetes, id),
            (
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-\(podSlice)/cri-containerd-\(id).scope",
                .containerd, id
            ),
            ("/lxc.payload.web", .lxc, "web"),
            ("/lxc.payload.web.example", .lxc, "web.example"),
            ("/lxc/web", .lxc, "web"),
            ("/lxc/101", .lxc, "101"),
            ("/machine.slice/systemd-nspawn@debian.service", .nspawn, "debian"),
            ("/machine.slice/machine-build\\x2dbox.scope", .nspawn, "build-box"),
        ] as [(String, ContainerRuntime, String)]
    )
    func recognised(path: String, runtime: ContainerRuntime, expected: String) throws {
        let container = try #require(self.container(path))
        #expect(container.runtime == runtime)
        #expect(container.id == expected)
        #expect(container.name == (expected.count == 64 ? String(expected.prefix(12)) : expected))
    }

    @Test(
        "what is none",
        arguments: [
            "/", "/docker", "/system.slice", "/system.slice/ssh.service", "/init.scope", "/lxc", "/lxc.payload.",
            "/machine.slice/libpod-\(id).scope/container", "/machine.slice/libpod-conmon-\(id).scope",
            "/kubepods.slice/\(podSlice)/crio-conmon-\(id).scope",
            "/kubepods.slice/\(podSlice)/crio-\(id).scope/container",
            "/kubepods.slice/\(podSlice)", "/kubepods/burstable/pod\(pod)", "/docker/\(id)/init",
            "/docker/buildkit/h3k9x0a7c5b2d1e8f6g4j2k1l", "/system.slice/web.service/runtime",
            "/system.slice/web.service/supervisor", "/machine.slice/systemd-nspawn@debian.service/payload",
            "/machine.slice/machine-qemu\\x2d1\\x2dwin.scope", "/qemu.slice/100.scope",
            "/machine.slice/machine-libpod_pod_\(id).slice", "/docker/\(id.uppercased())", "/docker/\(id.dropLast())",
            "/docker/\(id)0", "/system.slice/docker-\(id).mount", "/system.slice/docker.service",
            "\(user)/app.slice/docker-.scope", "/lxc.monitor.web",
        ]
    )
    func unrecognised(path: String) {
        #expect(container(path) == nil)
    }

    @Test("what is shown, passed through and left alone")
    func roles() {
        func role(_ path: String) -> Cgroup.Role {
            let components = path.split(separator: "/").map(String.init)
            return CgroupTree.role(of: components.last ?? "", below: Array(components.dropLast()))
        }
        for path in [
            "/system.slice", "/init.scope", "/docker", "/system.slice/ssh.service",
            "/system.slice/system-postgresql.slice/postgresql@15-main.service",
        ] {
            #expect(role(path) == .group, "\(path)")
        }
        for path in [
            "/system.slice/system-getty.slice", user, "\(user)/app.slice/web.service", "/docker/\(id)/init",
            "/docker/\(id)/system.slice/ssh.service", "/system.slice/web.service/nested.service",
        ] {
            #expect(role(path) == .passage, "\(path)")
        }
        for path in ["/system.slice/data.mount", "/lxc.monitor.web", "/lxc.pivot"] {
            #expect(role(path) == .ignored, "\(path)")
        }
    }

    private func container(_ path: String) -> Container? {
        let components = path.split(separator: "/").map(String.init)
        return Container(components.last ?? "", below: Array(components.dropLast()))
    }
}
