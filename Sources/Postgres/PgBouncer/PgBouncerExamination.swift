public import Scraping
import Synchronization

extension PgBouncerTarget: Examinable {
    /// Which version it is and who asks, and what is missing.
    public func examine(_ outcome: ScrapeOutcome, until deadline: Deadline) async -> Examination {
        var examination = Examination()
        if outcome.isUp { examination.facts = await facts(until: deadline) }
        examination.add(outcome)
        if let exposure = settings.password?.exposure { examination.add(exposure) }
        return examination
    }

    /// None where it has gone meanwhile, which the next scrape says.
    private func facts(until deadline: Deadline) async -> [Examination.Fact] {
        let facts = Mutex<[Examination.Fact]>([])
        do throws(CollectorError) {
            try await connection.open(until: deadline)
            let (user, address) = (try await connection.user, try await connection.peer.address)
            try await connection.runSimple(["SHOW VERSION"], until: deadline) { _, outcome in
                guard case .success(let rows) = consume outcome, rows.rowCount == 1, let version = rows.text(0, 0)
                else { return }
                facts.withLock { $0 = [.init("server", "\(version), at \(address)"), .init("user", user)] }
            }
        } catch {
            facts.withLock { $0 = [] }
        }
        await connection.close()
        return facts.withLock { $0 }
    }
}
