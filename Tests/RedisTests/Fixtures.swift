import Exposition
import Foundation
import Scraping
import Testing

@testable import Redis

/// What real servers answered, with the paths and the kernel's name made neutral. All had the same keys: a string, one
/// that expires in 1000 s, a list and a hash in db0, a string in db3; one INCR of a list, one unknown command.
enum Fixture: String, CaseIterable {
    case redis60 = "redis-6.0"
    case redis62 = "redis-6.2"
    case redis70 = "redis-7.0"
    case redis70Replica = "redis-7.0-replica"
    case redis70Cluster = "redis-7.0-cluster"
    case redis70Sentinel = "redis-7.0-sentinel"
    case redis80 = "redis-8.0"
    case valkey91 = "valkey-9.1"

    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "txt", subdirectory: "Fixtures"))
        return [UInt8](try Data(contentsOf: url))
    }

    var bytes: [UInt8] {
        get throws { try Self.bytes(rawValue) }
    }

    /// What the INFO collector makes of it.
    func series(others: [RedisCommand: RedisReply] = [:]) throws -> [String: Double] {
        var replies = others
        replies[.info] = .string(try bytes)
        let server = RedisFacts(Info(try bytes))
        return try InfoCollector().families(RedisReplies(replies), server).series
    }
}

extension [MetricFamily] {
    /// Values by `name{labels}`; of a summary, its sum, count and quantiles.
    var series: [String: Double] {
        var series: [String: Double] = [:]
        for family in self {
            let name = family.descriptor.name
            for sample in family.samples {
                let labels = sample.labels.description
                switch sample.value {
                case .number(let value): series[name + labels] = value
                case .summary(let summary):
                    series[name + "_sum" + labels] = summary.sum
                    series[name + "_count" + labels] = Double(summary.count)
                    for quantile in summary.quantiles {
                        series[name + sample.labels.adding("quantile", "\(quantile.rank)").description] = quantile.value
                    }
                case .histogram: break
                }
            }
        }
        return series
    }
}

extension CollectorError {
    /// The error that `body` throws, if it does.
    static func thrown(by body: () throws -> Void) -> CollectorError? {
        do {
            try body()
            return nil
        } catch {
            return error as? CollectorError
        }
    }
}
