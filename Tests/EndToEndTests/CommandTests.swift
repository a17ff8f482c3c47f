import Foundation
import Lab
import Testing

struct CommandTests {
    @Test func scrapePrintsOnePage() async throws {
        let redis = try await RedisServer()
        let environment = [
            "REDIS_ADDR": "127.0.0.1:\(redis.port)",
            // Where nobody listens: a part that is down leaves the rest as it is.
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:\(freePort())/none",
        ]
        let result = try await Exporter.run(["scrape"], environment)
        #expect(result.status == 0)
        let page = try Page(result.output)
        #expect(page["redis_up"] == 1)
        #expect(page["pg_up"] == 0)
        #expect(page.reasons(of: "postgres") == ["connection"])
        #expect(page.duplicates == [])
        #expect(result.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("time=") })
    }

    @Test func healthTellsWhetherTheServerAnswers() async throws {
        let exporter = try await Exporter([:])
        for address in ["127.0.0.1:\(exporter.port)", "unix:\(exporter.socket)"] {
            let result = try await Exporter.run(["health", "--web.listen-address=\(address)"])
            #expect(result.status == 0)
        }
        let variable = ["STACK_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:\(exporter.port)"]
        #expect(try await Exporter.run(["health"], variable).status == 0)
        for address in ["127.0.0.1:\(freePort())", "unix:/nowhere/web.sock"] {
            #expect(try await Exporter.run(["health", "--web.listen-address=\(address)"]).status == 1)
        }
    }

    @Test func versionNamesTheProgramAndItsRevision() async throws {
        let commit = try await run(["git", "-C", Repository.root.path, "rev-parse", "--short=12", "HEAD"])
        let hasHistory = FileManager.default.fileExists(atPath: Repository.root.appending(path: ".git").path)
        for arguments in [["version"], ["--version"]] {
            let result = try await Exporter.run(arguments)
            #expect(result.status == 0)
            #expect(result.errors == "")
            let parts = try #require(
                result.output.wholeMatch(of: /stack-exporter \d+\.\d+\.\d+, revision (\S+?)\+?, Swift 6\.\d+\n/))
            if hasHistory, commit.status == 0 {
                #expect(parts.1 == commit.output.prefix(12), "the release is to be built before")
            }
        }
    }

    @Test func helpListsEveryFlagAndVariable() async throws {
        let help = try await Exporter.run(["--help"])
        #expect(help.status == 0)
        #expect(help.errors == "")
        for arguments in [["help"], ["-h"], ["-help"], ["serve", "--help"]] {
            #expect(try await Exporter.run(arguments).output == help.output)
        }
        for command in ["serve", "scrape", "check", "metrics", "health", "completion", "man", "version", "help"] {
            #expect(help.output.contains("\n  \(command) "))
        }
        let flags = [
            "web.listen-address", "web.telemetry-path", "scrape.timeout", "scrape.timeout-offset",
            "scrape.series-limit", "log.level", "log.format", "path.cgroupfs", "path.procfs", "redis.queues.celery",
            "redis.queues.list", "format",
        ]
        for flag in flags {
            #expect(help.output.contains("\n  --\(flag)="))
            let variable = flag.uppercased().replacing(/[.-]/, with: "_")
            #expect("],".contains { help.output.contains("[STACK_EXPORTER_\(variable)\($0)") })
        }
        // Whatever collector a page shows, there is a switch for it.
        let page = try Page(
            try await Exporter.run(["scrape"], ["REDIS_ADDR": "x.invalid", "PGHOST": "x.invalid"]).output)
        let collectors = Set(page.all("stack_exporter_collector_success").keys.compactMap { $0.labels["collector"] })
        #expect(collectors.count >= 10)
        for collector in collectors { #expect(help.output.contains("\n  --[no-]collector.\(collector)\n")) }
        for variable in ["DATA_SOURCE_NAME", "DATA_SOURCE_URI", "DATABASE_URL", "PGHOST", "REDIS_ADDR", "REDIS_URL"] {
            #expect(help.output.contains(variable))
        }
    }

    @Test func aCollectorThatIsSwitchedOffIsGone() async throws {
        let redis = try await RedisServer()
        let environment = [
            "REDIS_ADDR": "127.0.0.1:\(redis.port)", "STACK_EXPORTER_REDIS_QUEUES_CELERY": "celery",
            "STACK_EXPORTER_COLLECTOR_REDIS_CELERY": "false",
        ]
        let page = try Page(try await Exporter.run(["scrape"], environment).output)
        #expect(page["redis_up"] == 1)
        #expect(page.all("celery_queue_length").isEmpty)
        // A flag goes before its variable.
        let again = try Page(try await Exporter.run(["scrape", "--collector.redis_celery"], environment).output)
        #expect(again["celery_queue_length", ["queue_name": "celery"]] == 0)
    }
}

/// The stripped release that `make test` has built; a build for debugging is several times as large.
@Suite(.enabled(if: Exporter.releaseBinary != nil, "only the release has a size worth measuring"))
struct ReleaseTests {
    @Test func theBinaryIsSmallAndHasNoICU() async throws {
        let size = try #require(FileManager.default.attributesOfItem(atPath: Exporter.binary)[.size] as? Int)
        #expect(size < 28_000_000)
        // Its data and its entry points have these names in them, also in a stripped binary.
        let found = try await run([
            "grep", "-a", "-o", "-i", "-E", "icudt[0-9]|icu_|_foundation_unicode", Exporter.binary,
        ])
        #expect(found.status == 1, "\(found.output.prefix(500))")
    }

    @Test func itIdlesInLittleMemory() async throws {
        let stack = try await Stack()
        for _ in 0..<20 {
            let page = try await stack.exporter.page()
            try #require(page["pg_up"] == 1 && page["redis_up"] == 1)
        }
        let status = try String(contentsOfFile: "/proc/\(stack.exporter.daemon.pid)/status", encoding: .utf8)
        func kilobytes(_ field: String) throws -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix("\(field):") }
            return try #require(line.flatMap { Int($0.filter(\.isNumber)) })
        }
        let (resident, anonymous) = (try kilobytes("VmRSS"), try kilobytes("RssAnon"))
        #expect(resident < 26 * 1024)
        #expect(anonymous < 6656)
    }
}
