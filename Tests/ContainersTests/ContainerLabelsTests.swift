import Exposition
import Foundation
import Testing

@testable import Containers

private let id = "3f4c9b1e7d2a8056c1e0f9b3a7d45e6281c0b9f7e3d2a1450968b7c6d5e4f302"

@Suite("What containers are known by")
struct ContainerLabelsTests {
    private func labels(
        _ path: String = "/docker/\(id)", _ details: ContainerDetails? = nil,
        _ change: (inout ContainersTarget.Settings) -> Void = { _ in }
    ) throws -> String {
        var settings = ContainersTarget.Settings()
        change(&settings)
        let components = path.split(separator: "/").map(String.init)
        let container = try #require(Container(components.last ?? "", below: components.dropLast()))
        let pairs = ContainerLabels.pairs(id: path, container: container, details: details, settings: settings)
        #expect(Set(pairs.map(\.0)).count == pairs.count)
        return Labels(pairs.filter { $0.0 != "id" }).description
    }

    @Test("the short id without details, and what the runtime tells with them")
    func names() throws {
        #expect(try labels() == #"{name="3f4c9b1e7d2a"}"#)
        var details = ContainerDetails()
        #expect(try labels("/docker/\(id)", details) == #"{name="3f4c9b1e7d2a"}"#)
        details.name = ""
        details.image = ""
        #expect(try labels("/docker/\(id)", details) == #"{name="3f4c9b1e7d2a"}"#)
        details.name = "shop-web-1"
        details.image = "nginx:1.27"
        #expect(try labels("/docker/\(id)", details) == #"{image="nginx:1.27",name="shop-web-1"}"#)
        #expect(try labels("/lxc/101") == #"{name="101"}"#)
    }

    @Test("the label container, where it is wanted and nobody else has it")
    func containerLabel() throws {
        var details = ContainerDetails()
        details.name = "web"
        #expect(
            try labels("/docker/\(id)", details) { $0.hasContainerLabel = true } == #"{container="web",name="web"}"#)
        #expect(try labels { $0.hasContainerLabel = true } == #"{container="3f4c9b1e7d2a",name="3f4c9b1e7d2a"}"#)
        // Of a pod's container the name is not known, rather than its id.
        #expect(try labels("/kubepods/pod1/\(id)") { $0.hasContainerLabel = true } == #"{name="3f4c9b1e7d2a"}"#)
    }

    @Test("where it belongs in Kubernetes; a sandbox is no container of the pod's")
    func kubernetes() throws {
        var details = ContainerDetails()
        details.pod = ContainerDetails.Pod(namespace: "shop", pod: "web-0", container: "app")
        let path = "/kubepods/pod1/\(id)"
        for isWanted in [true, false] {
            #expect(
                try labels(path, details) { $0.hasContainerLabel = isWanted }
                    == #"{container="app",name="3f4c9b1e7d2a",namespace="shop",pod="web-0"}"#)
        }
        details.pod?.container = ""
        #expect(
            try labels(path, details) { $0.hasContainerLabel = true }
                == #"{name="3f4c9b1e7d2a",namespace="shop",pod="web-0"}"#)
        let pod = ContainerLabels.pairs(id: "/kubepods/pod1", pod: details.pod)
        #expect(Labels(pod).description == #"{id="/kubepods/pod1",namespace="shop",pod="web-0"}"#)
        #expect(Labels(ContainerLabels.pairs(id: "/kubepods/pod1", pod: nil)) == ["id": "/kubepods/pod1"])
    }

    @Test("keys become names as cAdvisor's do, and of those that collide the first stays")
    func keys() throws {
        var details = ContainerDetails()
        details.labels = [
            "com.docker.compose.project": "shop", "a-b": "3", "a.b": "4", "a_b": "5", "a b": "1", "a\"b": "2",
            "grün/ß": "x", "1": "one", "": "none",
        ]
        #expect(
            try labels("/docker/\(id)", details)
                == #"{container_label_="none",container_label_1="one",container_label_a_b="1","#
                + #"container_label_com_docker_compose_project="shop",container_label_gr_n__="x",name="3f4c9b1e7d2a"}"#)
    }

    @Test("no more labels than so many, and none with a longer key")
    func limits() throws {
        var details = ContainerDetails()
        for number in 100..<300 { details.labels["k\(number)"] = "v" }
        details.labels[String(repeating: "a", count: 257)] = "too long"
        details.labels[String(repeating: "b", count: 256)] = String(repeating: "v", count: 5_000)
        let text = try labels("/docker/\(id)", details)
        #expect(text.components(separatedBy: "container_label_").count - 1 == 64)
        #expect(!text.contains("too long"))
        #expect(text.contains("container_label_k162=") && !text.contains("container_label_k163="))
        #expect(text.contains("b=\"\(String(repeating: "v", count: Labels.maximumValueLength))\""))
    }

    @Test("which labels are allowed")
    func allowed() {
        var settings = ContainersTarget.Settings()
        #expect(settings.allowsLabel("com.docker.compose.service"))
        #expect(!settings.allowsLabel("com.docker.compose.image"))
        settings.labels = ["*"]
        #expect(settings.allowsLabel("anything"))
        settings.labels = []
        #expect(!settings.allowsLabel("com.docker.compose.service"))
    }

    @Test("pods by the labels and names that runtimes give")
    func pods() {
        typealias Pod = ContainerDetails.Pod
        let labels = [
            "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "web-0",
            "io.kubernetes.container.name": "app",
        ]
        #expect(Pod { labels[$0] } == Pod(namespace: "shop", pod: "web-0", container: "app"))
        #expect(Pod { $0 == "io.kubernetes.container.name" ? "POD" : labels[$0] }?.container == "")
        #expect(Pod { $0 == "io.kubernetes.container.name" ? nil : labels[$0] }?.container == "")
        #expect(Pod { $0 == "io.kubernetes.pod.name" ? nil : labels[$0] } == nil)

        #expect(
            Pod(runtimeName: "k8s_app_web-0_shop_0f3c1a9e-7a51_0")
                == Pod(namespace: "shop", pod: "web-0", container: "app"))
        #expect(Pod(runtimeName: "k8s_POD_web-0_shop_0f3c1a9e-7a51_0")?.container == "")
        for name in ["web_1", "k8s_app_web-0_shop_uid", "k8s_app_web_0_shop_uid_0", "k8s__web-0_shop_uid_0", ""] {
            #expect(Pod(runtimeName: name) == nil)
        }
    }
}
