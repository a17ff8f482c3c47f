import Foundation
import Lab
import Testing

/// PostgreSQL, Redis and an exporter beside them.
final class Stack: Sendable {
    let postgres: PostgresServer
    let redis: RedisServer
    let exporter: Exporter

    static let redisPassword = "s3cret/of redis"

    init() async throws {
        postgres = try await PostgresServer()
        redis = try await RedisServer("--requirepass", Self.redisPassword)
        // A page of the usual size is one of a server that has something to tell.
        let statements = (1...60).map { "SELECT \(Array(repeating: "1", count: $0).joined(separator: ","));" }
        try await postgres.sql("CREATE EXTENSION pg_stat_statements; CREATE DATABASE app;")
        try await postgres.sql(statements.joined(), database: "app")
        exporter = try await Exporter([
            "DATABASE_URL": postgres.connectionString(),
            "REDIS_URL": "redis://127.0.0.1:\(redis.port)", "REDIS_PASSWORD": Self.redisPassword,
            "STACK_EXPORTER_REDIS_QUEUES_CELERY": "celery",
        ])
    }

    /// The stack that the tests of a suite share.
    static var shared: Stack {
        get throws { try #require(current) }
    }

    @TaskLocal fileprivate static var current: Stack?

    /// Runs a Redis command.
    @discardableResult
    func redisCLI(_ arguments: String...) async throws -> String {
        try await run(
            ["redis-cli", "-s", redis.socket] + arguments, environment: .added(["REDISCLI_AUTH": Self.redisPassword])
        ).output
    }
}

/// Gives all tests of a suite the same stack, since its start takes longer than most of them.
struct SharedStack: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let stack = try await Stack()
        try await Stack.$current.withValue(stack) { try await function() }
        // A server that stops waits for its clients.
        stack.exporter.daemon.signal(SIGTERM)
        _ = try await stack.exporter.daemon.exitStatus()
    }
}

extension Trait where Self == SharedStack {
    static var sharedStack: SharedStack { SharedStack() }
}
