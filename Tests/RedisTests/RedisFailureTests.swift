import NIOCore
import Scraping
import Testing

@testable import Redis

struct RedisFailureTests {
    @Test(arguments: [
        ("NOAUTH Authentication required.", FailureReason.authentication),
        ("WRONGPASS invalid username-password pair or user is disabled.", .authentication),
        ("ERR invalid password", .authentication),
        ("ERR AUTH <password> called without any password configured for the default user.", .authentication),
        ("ERR Client sent AUTH, but no password is set", .authentication),
        ("DENIED Redis is running in protected mode", .authentication),
        ("NOPERM this user has no permissions to run the 'config|get' command", .permission),
        ("LOADING Redis is loading the dataset in memory", .connection),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", .connection),
        ("ERR max number of clients reached", .connection),
        ("ERR unknown command 'LATENCY', with args beginning with: 'LATEST' ", .unsupportedVersion),
        ("BUSY Redis is busy running a script.", .locked),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", .internal),
        ("ERR This instance has cluster support disabled", .internal),
        ("something else", .internal),
        ("", .internal),
    ])
    func refusals(text: String, reason: FailureReason) {
        #expect(CollectorError(Array(text.utf8), to: .info).reason == reason)
    }

    /// Servers repeat in their errors what they were sent.
    @Test(arguments: [
        "ERR unknown command 'AUTH', with args beginning with: 'hunter2'", "NOPERM no permissions to access 'hunter2'",
        "HUNTER2hunter2 x", "hunter2", "WRONGTYPE hunter2", "NOAUTH hunter2",
    ])
    func detailsRepeatNothing(_ text: String) {
        let error = CollectorError(Array(text.utf8), to: RedisCommand("AUTH", "hunter2"))
        #expect(!error.detail.contains("hunter2"))
    }

    @Test func failuresOfTheConnection() {
        let refused = CollectorError(connection: IOError(errnoCode: 111, reason: "connect(hunter2)"))
        #expect(refused == CollectorError(.connection, "the connection failed: Connection refused"))
        #expect(CollectorError(connection: ChannelError.connectTimeout(.seconds(1))).reason == .timeout)
        #expect(CollectorError(connection: ChannelError.ioOnClosedChannel).reason == .connection)
        #expect(CollectorError(connection: CollectorError.late).reason == .timeout)
    }

    @Test func backOffDoublesUpToFiveSeconds() {
        var backOff = BackOff()
        var now = ContinuousClock.now
        let error = CollectorError(.connection, "down")
        #expect(CollectorError.thrown { try backOff.check(at: now) } == nil)
        for milliseconds in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            backOff.fail(error, at: now)
            let end = now.advanced(by: .milliseconds(milliseconds))
            #expect(CollectorError.thrown { try backOff.check(at: end.advanced(by: .nanoseconds(-1))) } == error)
            #expect(CollectorError.thrown { try backOff.check(at: end) } == nil)
            now = end
        }
        backOff.succeed()
        backOff.fail(error, at: now)
        #expect(CollectorError.thrown { try backOff.check(at: now.advanced(by: .milliseconds(250))) } == nil)
    }
}
