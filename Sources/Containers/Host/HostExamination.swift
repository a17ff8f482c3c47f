public import Scraping

extension HostTarget: Examinable {
    /// What of the host can be seen from here.
    public func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) -> Examination {
        var examination = Examination(facts: facts)
        // Most of the host is seen from within a container as well; the rest is for those who want it.
        examination.add(outcome) { _ in .hint }
        return examination
    }

    private var facts: [Examination.Fact] {
        guard let reader else { return [] }
        let view = reader.view
        return [
            .init("procfs", "\(reader.procfs), \(view.isProcOfHost ? "the host's" : "of our own pid namespace")"),
            .init(
                "network",
                view.networkDirectory == nil ? "of our own namespace, the host's is not seen" : "the host's"),
            .init("root directory", reader.mounts().map { $0.root.isEmpty ? "/" : $0.root } ?? "not seen"),
        ]
    }
}
