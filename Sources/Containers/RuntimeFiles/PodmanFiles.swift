import Scraping

/// The records of containers/storage, which Podman and CRI-O keep: `/var/lib/containers/storage/<driver>-containers/`
/// `containers.json` and `volatile-containers.json` (1.43; those that need not survive a crash), for root alone.
///
/// They have neither labels nor states, which are in Podman's database.
struct PodmanFiles {
    private static let drivers = ["overlay", "vfs", "btrfs", "zfs"]
    /// Some 600 bytes are a container's.
    private static let maximumLength = 8 << 20

    /// A list of containers, with what was read of it.
    private struct List {
        let path: String
        /// Where the driver keeps what is there only while containers run.
        let runDirectory: String
        var stamp: RegularFile.Stamp?
        var containers: [String: ContainerDetails] = [:]
    }

    private var lists: [List]

    /// The files that are read.
    var paths: [String] { lists.map(\.path) }

    /// - Parameter roots: Where root directories of hosts may be.
    init(roots: [String]) {
        lists = roots.flatMap { root in
            Self.drivers.flatMap { driver in
                ["containers.json", "volatile-containers.json"].map { name in
                    List(
                        path: "\(root)/var/lib/containers/storage/\(driver)-containers/\(name)",
                        runDirectory: "\(root)/run/containers/storage/\(driver)-containers")
                }
            }
        }
    }

    /// - Returns: `nil` where there is no record, or none to be read.
    mutating func details(of id: String) -> ContainerDetails? {
        for index in lists.indices {
            if lists[index].containers[id] == nil { refresh(&lists[index]) }
            guard var details = lists[index].containers[id] else { continue }
            details.processID = RegularFile.processID("\(lists[index].runDirectory)/\(id)/userdata/pidfile")
            return details
        }
        return nil
    }

    /// Reads the list anew where it has been written since.
    private func refresh(_ list: inout List) {
        let stamp = RegularFile.Stamp(list.path)
        guard stamp != list.stamp else { return }
        list.stamp = stamp
        list.containers = [:]
        for record in RegularFile.json(list.path, limit: Self.maximumLength)?.elements ?? [] {
            guard let id = record["id"]?.string else { continue }
            list.containers[id] = Self.details(record)
        }
    }

    private static func details(_ record: JSONText) -> ContainerDetails {
        var details = ContainerDetails()
        details.name = record["names"]?.elements.first?.string
        details.created = record["created"]?.string.flatMap(InternetTime.seconds)
        details.pod = details.name.flatMap(ContainerDetails.Pod.init(runtimeName:))
        // A JSON text within a JSON string.
        if let metadata = record["metadata"]?.stringBytes.flatMap({ JSONText($0) }) {
            details.image = metadata["image-name"]?.string
        }
        return details
    }
}
