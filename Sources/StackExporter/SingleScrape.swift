import Configuration
import Exposition
import Glibc
import Logging
import NIOCore
import NIOPosix
import Scraping

/// `stack-exporter scrape`: one page to standard output.
enum SingleScrape {
    /// - Throws: Where a configured directory holds no cgroups.
    static func run(_ settings: Settings, log: Logger) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let gatherer = try makeGatherer(settings, group: group, selfMetrics: [BuildInformation()], log: log)
        var page: [UInt8] = []
        ExpositionFormat.text.encode(await gatherer.page().families, into: &page)
        write(page, to: STDOUT_FILENO)
        await gatherer.shutdown()
        try await group.shutdownGracefully()
    }
}
