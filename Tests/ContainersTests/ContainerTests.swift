import Foundation
import Testing

@testable import Containers

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"
private let other = "a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef0fedcba9876543210"
private let user = "/user.slice/user-1000.slice/user@1000.service"
private let pod = "0f3c1a9e-7a51-4f2e-8f1c-2f6de6a3f001"
private let slice = "kubepods-burstable-pod0f3c1a9e_7a51_4f2e_8f1c_2f6de6a3f001.slice"

private let build = "h3k9x0a7c5b2d1e8f6g4j2k1l"

@Suite("Cgroups by their names")
struct ContainerTests {
    @Test(
        "every runtime's form of path",
        arguments: [
            // Docker
            ("/docker/\(id)", .docker, id, .docker, nil),
            ("/custom/\(id)", .docker, id, .docker, nil),
            ("/actions_job/\(id)", .docker, id, .docker, nil),
            ("/system.slice/docker-\(id).scope", .docker, id, .docker, nil),
            ("/my.slice/docker-\(id).scope", .docker, id, .docker, nil),
            ("\(user)/user.slice/docker-\(id).scope", .docker, id, .docker, nil),
            ("/ecs/cluster/4f6f3f0c29f94c0a8b7c6d5e4f302aab/\(id)", .docker, id, .docker, nil),
            ("/ecs/4f6f3f0c29f94c0a8b7c6d5e4f302aab/\(id)", .docker, id, .docker, nil),
            ("/ecstasks.slice/ecstasks-4f6f3f0c.slice/docker-\(id).scope", .docker, id, .docker, nil),
            ("/docker/\(other)/docker/\(id)", .docker, id, .docker, nil),
            ("/system.slice/docker-\(other).scope/docker/\(id)", .docker, id, .docker, nil),
            ("/system.slice:docker:\(id)", .docker, id, .docker, nil),
            ("/docker/buildkit/\(build)", .buildkit, build, .docker, nil),
            ("/docker/\(other)/buildkit/\(build)", .buildkit, build, .docker, nil),
            ("/system.slice/docker-\(build).scope", .buildkit, build, .docker, nil),
            ("/system.slice:docker:\(build)", .buildkit, build, .docker, nil),
            // Podman
            ("/machine.slice/libpod-\(id).scope", .podman, id, .podman, nil),
            ("/machine.slice/machine-libpod_pod_\(other).slice/libpod-\(id).scope", .podman, id, .podman, nil),
            ("/libpod_parent/libpod-\(id)", .podman, id, .podman, nil),
            ("/libpod_parent/\(other)/libpod-\(id)", .podman, id, .podman, nil),
            ("\(user)/user.slice/libpod-\(id).scope", .podman, id, .podman, nil),
            ("\(user)/user.slice/user-libpod_pod_\(other).slice/libpod-\(id).scope", .podman, id, .podman, nil),
            ("/system.slice/web.service/libpod-payload-\(id)", .podman, id, .podman, nil),
            ("\(user)/app.slice/web.service/libpod-payload-\(id)", .podman, id, .podman, nil),
            // containerd and nerdctl
            ("/default/\(id)", .containerd, id, .kubernetes, nil),
            ("/k8s.io/\(id)", .containerd, id, .kubernetes, nil),
            ("/system.slice/nerdctl-\(id).scope", .nerdctl, id, .kubernetes, nil),
            ("\(user)/user.slice/nerdctl-\(id).scope", .nerdctl, id, .kubernetes, nil),
            // Kubernetes
            (
                "/kubepods.slice/kubepods-burstable.slice/\(slice)/cri-containerd-\(id).scope", .containerd, id,
                .kubernetes, pod
            ),
            (
                "/kubepods.slice/kubepods-pod0f3c1a9e_7a51_4f2e_8f1c_2f6de6a3f001.slice/cri-containerd-\(id).scope",
                .containerd, id, .kubernetes, pod
            ),
            (
                "/kubepods.slice/kubepods-podfe4b7f8a1c2d3e4f5061728394a5b6c7.slice/cri-containerd-\(id).scope",
                .containerd, id, .kubernetes, "fe4b7f8a1c2d3e4f5061728394a5b6c7"
            ),
            ("/kubepods/burstable/pod\(pod)/\(id)", .kubernetes, id, .kubernetes, pod),
            ("/kubepods/besteffort/pod\(pod)/\(id)", .kubernetes, id, .kubernetes, pod),
            ("/kubepods/pod\(pod)/\(id)", .kubernetes, id, .kubernetes, pod),
            ("/kubepods/pod\(pod)/cri-containerd-\(id)", .containerd, id, .kubernetes, pod),
            ("/system.slice/containerd.service/\(slice):cri-containerd:\(id)", .containerd, id, .kubernetes, pod),
            ("/\(slice):crio:\(id)", .crio, id, .kubernetes, pod),
            ("/kubepods.slice/kubepods-burstable.slice/\(slice)/crio-\(id).scope", .crio, id, .kubernetes, pod),
            ("/kubepods/burstable/pod\(pod)/crio-\(id)", .crio, id, .kubernetes, pod),
            ("/kubepods.slice/kubepods-burstable.slice/\(slice)/docker-\(id).scope", .docker, id, .kubernetes, pod),
            ("/kubepods.slice/kubepods-burstable.slice/\(slice)/libpod-\(id).scope", .podman, id, .kubernetes, pod),
            // kind and k3d
            ("/docker/\(other)/kubelet/kubepods/burstable/pod\(pod)/\(id)", .kubernetes, id, .kubernetes, pod),
            (
                "/kubelet.slice/kubelet-kubepods.slice/kubelet-\(slice)/cri-containerd-\(id).scope", .containerd, id,
                .kubernetes, pod
            ),
            (
                "/system.slice/docker-\(other).scope/kubelet.slice/kubelet-\(slice)/cri-containerd-\(id).scope",
                .containerd, id, .kubernetes, pod
            ),
            ("/kubepods/burstable/pod\(pod)/\(other)/docker/\(id)", .docker, id, .docker, nil),
            // LXC and systemd-nspawn
            ("/lxc.payload.web", .lxc, "web", .lxc, nil),
            ("/lxc.payload.web.example", .lxc, "web.example", .lxc, nil),
            ("\(user)/app.slice/lxc.payload.web", .lxc, "web", .lxc, nil),
            ("/lxc.payload/web", .lxc, "web", .lxc, nil),
            ("/lxc/web", .lxc, "web", .lxc, nil),
            ("/lxc/101", .lxc, "101", .lxc, nil),
            ("/machine.slice/machine-lxc\\x2d4711\\x2dweb.scope", .lxc, "lxc-4711-web", .lxc, nil),
            ("/machine.slice/systemd-nspawn@debian.service", .nspawn, "debian", .lxc, nil),
            ("/machine.slice/machine-build\\x2dbox.scope", .nspawn, "build-box", .lxc, nil),
        ] as [(String, ContainerRuntime, String, ContainerKind, String?)]
    )
    func recognised(
        path: String, runtime: ContainerRuntime, expected: String, kind: ContainerKind, podUID: String?
    ) throws {
        let container = try #require(self.container(path))
        #expect(container.runtime == runtime)
        #expect(container.id == expected)
        #expect(container.kind == kind)
        #expect(container.podUID == podUID)
        let hasID = runtime != .lxc && runtime != .nspawn
        #expect(container.name == (hasID ? String(expected.prefix(12)) : expected))
        #expect(role(path) == .container(container))
    }

    @Test(
        "what is none",
        arguments: [
            "/", "/docker", "/system.slice", "/system.slice/ssh.service", "/init.scope", "/lxc", "/lxc.payload.",
            "/machine.slice/libpod-\(id).scope/container", "/machine.slice/libpod-conmon-\(id).scope",
            "/kubepods.slice/\(slice)/crio-conmon-\(id).scope",
            "/kubepods.slice/\(slice)/crio-\(id).scope/container",
            "/kubepods.slice/\(slice)", "/kubepods/burstable/pod\(pod)", "/docker/\(id)/init", "/docker/buildkit",
            "/docker/\(build)", "/docker/buildkit/\(build.dropLast())", "/docker/buildkit/\(build)0",
            "/docker/buildkit/\(build.uppercased())", "/system.slice/docker-\(build.dropLast()).scope",
            "/system.slice/crio-\(build).scope", "/system.slice:crio:\(build)", "/system.slice:other:\(id)",
            "/a:b:docker:\(id)", "/docker:\(id)", "/system.slice/web.service/runtime",
            "/system.slice/web.service/supervisor", "/machine.slice/systemd-nspawn@debian.service/payload",
            "/machine.slice/systemd-nspawn@.service", "/machine.slice/machine-.scope",
            "/machine.slice/machine-libpod_pod_\(id).slice", "/libpod_parent/\(id)", "/libpod_parent/conmon",
            "/docker/\(id.uppercased())", "/docker/\(id.dropLast())", "/docker/\(id)0", "/docker/\(id.dropLast())g",
            "/system.slice/docker-\(id)0.scope", "/system.slice/docker-\(id.dropLast()).scope",
            "/system.slice/docker-\(id.uppercased()).scope", "/system.slice/Docker-\(id).scope",
            "/system.slice/docker-\(id).mount", "/system.slice/docker.service", "\(user)/app.slice/docker-.scope",
        ]
    )
    func unrecognised(path: String) {
        #expect(container(path) == nil)
    }

    @Test(
        "pods",
        arguments: [
            ("/kubepods.slice/kubepods-burstable.slice/\(slice)", pod),
            ("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podab_cd.slice", "ab-cd"),
            ("/kubepods.slice/kubepods-podfe4b7f8a1c2d3e4f5061728394a5b6c7.slice", "fe4b7f8a1c2d3e4f5061728394a5b6c7"),
            ("/kubepods/burstable/pod\(pod)", pod), ("/kubepods/pod\(pod)", pod),
            ("/docker/\(other)/kubelet/kubepods/besteffort/pod\(pod)", pod),
            ("/kubelet.slice/kubelet-kubepods.slice/kubelet-\(slice)", pod),
        ])
    func pods(path: String, uid: String) {
        #expect(role(path) == .pod(uid: uid))
    }

    @Test(
        "what is no pod",
        arguments: [
            "/kubepods.slice/kubepods-burstable.slice", "/kubepods/burstable", "/kubepods.slice/kubepods-pod.slice",
            "/kubepods/pod", "/system.slice/podman.service", "/other/pod\(pod)", "/kubepods/burstable/podman exec",
            "/kubepods/pod\(String(repeating: "a", count: 65))", "/kubepods.slice/kubepods-podä.slice",
            "/machine.slice/machine-pod1.slice", "/docker/pod1",
        ])
    func noPods(path: String) {
        if case .pod = role(path) { Issue.record("\(path) is a pod") }
    }

    @Test(
        "what is shown, passed through and left alone",
        arguments: [
            (
                .group,
                [
                    "/system.slice", "/init.scope", "/docker", "/kubepods.slice", "/lxc", "/system.slice/ssh.service",
                    "/system.slice/system-postgresql.slice/postgresql@15-main.service", "/system.slice/docker.service",
                    "/system.slice/containerd.service",
                ]
            ),
            (
                .passage,
                [
                    "/system.slice/system-getty.slice", user, "\(user)/app.slice/web.service",
                    "/user.slice/user-1000.slice/session-3.scope", "/docker/\(id)/init",
                    "/docker/\(id)/system.slice/ssh.service", "/system.slice/web.service/nested.service",
                    "/system.slice/web.service/runtime", "/system.slice/web.service/supervisor",
                    "/machine.slice/libpod-\(id).scope/container", "/machine.slice/libpod-conmon-\(id).scope",
                    "/kubepods.slice/kubepods-burstable.slice", "/machine.slice/systemd-nspawn@debian.service/payload",
                ]
            ),
            (
                .ignored,
                [
                    "/system.slice/data.mount", "/lxc.monitor.web", "/lxc.monitor", "/lxc.pivot",
                    "/qemu.slice/100.scope",
                    "/machine.slice/machine-qemu\\x2d1\\x2dwin.scope", "/machine/qemu-1-win.libvirt-qemu",
                ]
            ),
        ] as [(Cgroup.Role, [String])])
    func roles(expected: Cgroup.Role, paths: [String]) {
        for path in paths { #expect(role(path) == expected, "\(path)") }
    }

    @Test(
        "what is not wanted is passed through, never ignored",
        arguments: [
            (.docker, ["/docker", "/ecs", "/docker/\(id)", "/docker/buildkit/\(build)"]),
            (.podman, ["/libpod_parent", "/machine.slice/libpod-\(id).scope"]),
            (
                .kubernetes,
                [
                    "/kubepods.slice", "/kubepods/burstable/pod\(pod)", "/kubepods/burstable/pod\(pod)/\(id)",
                    "/kubepods.slice/\(slice)/docker-\(id).scope", "/default/\(id)",
                ]
            ),
            (.systemd, ["/system.slice", "/init.scope", "/system.slice/ssh.service", "/user.slice"]),
            (.lxc, ["/lxc", "/lxc/101", "/lxc.payload.web", "/machine.slice/systemd-nspawn@debian.service"]),
        ] as [(ContainerKind, [String])])
    func kinds(kind: ContainerKind, paths: [String]) {
        let others = Set(ContainerKind.allCases).subtracting([kind])
        for path in paths {
            #expect(role(path, showing: [kind]).isExported, "\(path)")
            #expect(role(path, showing: others) == .passage, "\(path)")
        }
        #expect(role("/lxc.monitor.web", showing: []) == .ignored)
    }

    @Test("what is included and not excluded is shown")
    func settings() {
        var settings = ContainersTarget.Settings()
        #expect(settings.shownKinds == Set(ContainerKind.allCases))
        settings.included = [.docker, .systemd]
        settings.excluded = [.systemd, .lxc]
        #expect(settings.shownKinds == [.docker])
    }

    @Test("names with every byte are names")
    func everyByte() {
        for byte in UInt8(1)...255 where byte != UInt8(ascii: "/") {
            let name = String(decoding: [byte], as: UTF8.self)
            #expect(container("/lxc/\(name)")?.id == name)
            #expect(container("/lxc.payload.\(name)")?.id == name)
            // No prefix and no suffix is found across a combined character.
            #expect(container("/system.slice/docker-\(id).scope\(name)") == nil)
            #expect(container("/docker/\(id)\(name)") == nil)
            #expect(PodCgroup.uid(of: "pod\(pod)", below: "kubepods\(name)") == nil)
        }
        for mark in ["\u{301}", "\u{200d}", "\u{fe0f}"] {
            #expect(container("/lxc.payload.\(mark)x")?.id == "\(mark)x")
            #expect(container("/docker/\(id)\(mark)") == nil)
        }
        #expect(container("/machine.slice/machine-a\\x00\\xff\\xzz\\x2.scope")?.id == "a\0\u{fffd}\\xzz\\x2")
    }

    private func components(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    private func container(_ path: String) -> Container? {
        let components = components(path)
        return Container(components.last ?? "", below: Array(components.dropLast()))
    }

    private func role(_ path: String, showing kinds: Set<ContainerKind> = Set(ContainerKind.allCases)) -> Cgroup.Role {
        let components = components(path)
        return CgroupTree.role(of: components.last ?? "", below: Array(components.dropLast()), showing: kinds)
    }
}
