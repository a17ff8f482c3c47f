import Testing

/// Gives all tests of a suite the same exporter, which nobody has configured.
struct SharedExporter: SuiteTrait, TestScoping {
    @TaskLocal fileprivate static var current: Exporter?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let exporter = try await Exporter([:])
        try await Self.$current.withValue(exporter) { try await function() }
    }
}

extension Trait where Self == SharedExporter {
    static var sharedExporter: SharedExporter { SharedExporter() }
}

extension Exporter {
    /// The one that the tests of a suite share.
    static var shared: Exporter {
        get throws { try #require(SharedExporter.current) }
    }
}
