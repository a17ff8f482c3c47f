import Exposition
import Foundation
import Lab
import Scraping
import Testing

@testable import Containers

private let id = String(repeating: "a", count: 64)

@Suite("Open files")
struct OpenFilesTests {
    private func families(_ host: FileHost) throws -> [MetricFamily] { try host.reader.families([OpenFiles()]) }

    /// As Linux 6.18 wrote it, but for the number.
    private func limits(_ soft: String) -> String {
        let soft = soft.padding(toLength: 20, withPad: " ", startingAt: 0)
        return """
            Limit                     Soft Limit           Hard Limit           Units     
            Max processes             96350                96350                processes 
            Max open files            \(soft) 524288               files     
            Max locked memory         8388608              8388608              bytes     

            """
    }

    private func open(_ host: FileHost, _ process: Int, files: Int, sockets: Int) throws {
        let directory = "\(host.tree.path)/proc/\(process)/fd"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for number in 0..<files + sockets {
            try FileManager.default.createSymbolicLink(
                atPath: "\(directory)/\(number)",
                withDestinationPath: number < files ? "/dev/null" : "socket:[\(number)]")
        }
    }

    @Test("off by default")
    func isOff() {
        #expect(!OpenFiles().isEnabledByDefault)
    }

    @Test("a container's processes, those below it included, and the limit of the first")
    func container() throws {
        let host = try FileHost()
        try host.container(id, processes: "97\n98\n")
        try host.tree.write("cgroup/docker/\(id)/init/cgroup.procs", "99\n")
        for number in 97...99 {
            try host.process(number, of: id, start: number)
            try open(host, number, files: 3, sockets: number - 96)
            try host.tree.write("proc/\(number)/limits", limits("\(number)"))
        }
        let families = try families(host)
        #expect(families.values("container_file_descriptors") == ["/docker/\(id)": 15])
        #expect(families.values("container_sockets") == ["/docker/\(id)": 6])
        #expect(families.values("container_ulimits_soft") == ["/docker/\(id)": 97])
        #expect(
            families.text.contains(
                #"container_ulimits_soft{id="/docker/\#(id)",name="aaaaaaaaaaaa",ulimit="max_open_files"} 97"#))
        #expect(host.reader.omissions["container_open_files"] == nil)
    }

    @Test("the limit", arguments: [("1024", 1024), ("unlimited", -1), ("x", nil), ("-5", nil)] as [(String, Double?)])
    func limit(text: String, expected: Double?) throws {
        let host = try FileHost()
        try host.container(id, processes: "97\n")
        try host.process(97, of: id, start: 1)
        try host.tree.write("proc/97/limits", limits(text))
        #expect(try families(host).values("container_ulimits_soft")["/docker/\(id)"] == expected)
    }

    @Test("a process that has ended has nothing open; without processes there is nothing to tell")
    func ended() throws {
        let host = try FileHost()
        try host.container(id, processes: "97\n98\n")
        try host.process(97, of: id, start: 1)
        try open(host, 97, files: 3, sockets: 0)
        #expect(try families(host).values("container_file_descriptors") == ["/docker/\(id)": 3])
        try host.container(id, processes: "")
        #expect(try families(host).allSatisfy(\.samples.isEmpty))
    }

    @Test("processes of another PID namespace are not counted", arguments: [true, false])
    func invisible(isV2: Bool) throws {
        let host = try FileHost(isHost: false, isV2: isV2)
        try host.container(id, processes: isV2 ? "0\n" : "")
        #expect(try families(host).allSatisfy(\.samples.isEmpty))
        #expect(host.reader.omissions["container_open_files"]?.detail.contains("pid: host") == true)
    }
}
