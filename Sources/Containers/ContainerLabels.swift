/// What stands in a container's labels.
enum ContainerLabels {
    /// The labels of a container and their values, each name once.
    ///
    /// - Parameters:
    ///   - id: The path of its cgroup.
    ///   - details: What is known of it beyond its cgroup.
    static func pairs(
        id: String, container: Container, details: ContainerDetails?, settings: ContainersTarget.Settings
    ) -> [(String, String)] {
        var pairs = [("id", id), ("name", details?.name ?? container.name)]
        if let image = details?.image { pairs.append(("image", image)) }
        for (key, value) in details?.labels.sorted(by: { $0.key < $1.key }) ?? [] {
            pairs.append(("container_label_\(key)", value))
        }
        return pairs
    }
}
