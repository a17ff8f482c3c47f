import NIOCore
import Scraping
import Synchronization

/// The sentinels that know which server is a master at the moment. They are asked at each connect, never between.
final class RedisSentinels: Sendable {
    /// How a sentinel is asked.
    static let questionName = "SENTINEL GET-MASTER-ADDR-BY-NAME"

    private let masterName: String
    private let dialers: [RedisDialer]
    /// The one that answered the last time, which is asked first.
    private let first = Mutex(0)

    /// - Returns: `nil` where the address is that of a server itself.
    init?(_ settings: RedisSettings, group: any EventLoopGroup) {
        guard case .master(let name, let sentinels) = settings.address else { return nil }
        masterName = name
        dialers = sentinels.map { address in
            var sentinel = RedisSettings(name: settings.name, address: address)
            sentinel.tls = settings.tls
            sentinel.password = settings.sentinelPassword
            return RedisDialer(sentinel, group: group)
        }
    }

    /// How many there are.
    var count: Int { dialers.count }

    /// Where the master is.
    ///
    /// - Throws: Why no sentinel says it, of each.
    func master(until deadline: Deadline) async throws(CollectorError) -> RedisSettings.Address {
        // With nothing to be left out, an answer is one.
        guard let master = try await master(otherThan: [], until: deadline) else { throw .late }
        return master
    }

    /// Where the master is, as the first sentinel says that does not name one of the others.
    ///
    /// - Returns: `nil` where all that answered name one of the others.
    /// - Throws: Why no sentinel says anything, of each.
    func master(
        otherThan others: Set<RedisSettings.Address>, until deadline: Deadline
    ) async throws(CollectorError) -> RedisSettings.Address? {
        let first = first.withLock { $0 }
        var failures: [CollectorError] = []
        for offset in dialers.indices {
            let index = (first + offset) % dialers.count
            // Each has the same share of the time, and so has the master itself.
            let share = deadline.remaining / (dialers.count - offset + 1)
            do throws(CollectorError) {
                let master = try await ask(dialers[index], until: deadline.limited(to: share))
                guard !others.contains(master) else { continue }
                self.first.withLock { $0 = index }
                return master
            } catch {
                failures.append(error.at(dialers[index].settings.address))
            }
        }
        if failures.count < dialers.count { return nil }
        let details = failures.map(\.what).joined(separator: "; ")
        let reason = Set(failures.map(\.reason)).count == 1 ? failures[0].reason : .connection
        throw CollectorError(
            reason, "no sentinel says where the master is (\(details))",
            remedies: reason == .permission
                ? [Remedy("redis-cli, on each sentinel", "ACL SETUSER default +\(Self.questionName.aclName)")] : [])
    }

    private func ask(
        _ dialer: RedisDialer, until deadline: Deadline
    ) async throws(CollectorError) -> RedisSettings.Address {
        let channel: any Channel
        do {
            channel = try await dialer.open(until: deadline)
        } catch {
            throw CollectorError(connection: error)
        }
        defer { channel.abort() }
        let question = RedisCommand(Self.questionName, masterName)
        var commands = [question]
        if let authentication = try dialer.settings.authentication() { commands.insert(authentication, at: 0) }
        let pipeline = Pipeline(commands)
        let answer = await channel.exchange(pipeline, until: deadline)
        let replies = try pipeline.match(answer.replies, failure: answer.failure).replies
        let reply = try replies.array(question)
        guard !reply.isEmpty else {
            throw CollectorError(.connection, "the sentinel knows no master of the name \(masterName)")
        }
        guard reply.count == 2, let host = reply[0].text, let port = reply[1].number.flatMap({ Int(exactly: $0) }),
            !host.isEmpty, 1...65535 ~= port
        else {
            throw CollectorError(.internal, "the sentinel's answer is not as its documentation says")
        }
        return .tcp(host: String(decoding: host, as: UTF8.self), port: port)
    }
}
