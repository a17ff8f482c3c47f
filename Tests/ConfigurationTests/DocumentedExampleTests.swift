import Foundation
import Lab
import Testing

@testable import Configuration
@testable import Postgres
@testable import Redis

/// The worked example in docs/settings.md is a configuration file that does what is said there.
@Suite(.timeLimit(.minutes(2)))
struct DocumentedExampleTests {
    @Test func theExampleOfTheConfigurationFile() throws {
        let text = try Repository.example(in: "docs/settings.md", below: "## Configuration file")
            .replacing(/\/(run\/secrets|etc\/stack-exporter)\/[a-z_.]+/, with: "/dev/null")
        let environment = ["DATABASE_URL": "postgresql+asyncpg://u:p@app/shop?pool_size=5"]
        let settings = try settings(text, [], environment)
        #expect(settings.postgres.map { "\($0)" } == ["main db:5432", "app app:5432"])
        #expect(settings.pgbouncer.map { "\($0)" } == ["pooler pooler:6432"])
        #expect(settings.redis.map { "\($0.name) \($0.address)" } == ["cache cache:6379", "jobs jobs:6379"])
        #expect(settings.redis.map { $0.queues.celery.names.count } == [0, 2])
        #expect(settings.redis.map(\.username) == ["exporter", "exporter"])
        guard case .postgres(_, let options) = settings.targets.first else {
            Issue.record("no PostgreSQL server")
            return
        }
        #expect(options.databases.excluded == ["template.*", "old_[0-9]{1,3}"] && options.databaseLimit == 16)
        #expect(settings.warnings == [])
    }
}
