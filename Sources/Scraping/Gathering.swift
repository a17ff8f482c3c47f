import Synchronization

/// A scrape of one target, which several gathers may wait for.
struct Run {
    let target: any Target
    let scrape: Scrape
    /// Fires when the target has returned.
    let returned = Signal()
}

/// One gather, and whoever waits for its page.
final class Gathering: Sendable {
    /// The one target that is gathered; `nil` for all.
    let target: ObjectIdentifier?
    /// Of all targets that are gathered, in their order.
    let runs: [Run]
    /// The targets whose scrapes are this gather's own, to start, to count and to report.
    let begun: Set<ObjectIdentifier>
    let seriesPerTarget: Int
    /// Fires when the page is there.
    let done = Signal()
    let page = Mutex<Page?>(nil)

    init(target: ObjectIdentifier?, runs: [Run], begun: Set<ObjectIdentifier>, seriesPerTarget: Int) {
        self.target = target
        self.runs = runs
        self.begun = begun
        self.seriesPerTarget = seriesPerTarget
    }

    func hasBegun(_ run: Run) -> Bool { begun.contains(ObjectIdentifier(run.target)) }
}
