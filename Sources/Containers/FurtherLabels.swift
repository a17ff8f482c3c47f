import Exposition

/// Labels that a sample has beside its cgroup's.
struct FurtherLabels {
    fileprivate let pairs: [(String, String)]
    /// The reader's number for them, by which cgroups keep theirs with them; `nil` where there are too many for that.
    fileprivate let index: Int?
}

extension CgroupReader {
    /// The most label sets that cgroups keep with their own. Devices and interfaces come and go with containers, and
    /// what is kept for one is never given up; labels beyond this number are rendered at each scrape.
    static let maximumLabelSets = 256

    /// Makes labels ready to be added to those of many cgroups.
    func further(_ pairs: [(String, String)]) -> FurtherLabels {
        let labels = Labels(pairs)
        guard labelSets.count < Self.maximumLabelSets || labelSets.contains(labels) else {
            return FurtherLabels(pairs: pairs, index: nil)
        }
        return FurtherLabels(pairs: pairs, index: index(of: labels))
    }

    /// The label `interface`.
    func interface(_ name: String) -> FurtherLabels {
        if let known = interfaces[name] { return known }
        let labels = further([("interface", name)])
        if labels.index != nil { interfaces[name] = labels }
        return labels
    }
}

extension Cgroup {
    /// Its labels and further ones.
    func labels(adding further: FurtherLabels) -> Labels {
        guard let index = further.index else { return further.pairs.reduce(labels) { $0.adding($1.0, $1.1) } }
        return labels(adding: further.pairs, index: index)
    }
}
