public import Exposition
import Synchronization

/// What one gather found, ready to be encoded.
public final class Page: Sendable {
    /// Sorted by name; names and series are legal and differ.
    public let families: [MetricFamily]
    /// The names of the families that each collector has delivered, by the collector's.
    private let delivered: [String: [String]]
    /// The names of the families that the exporter tells of itself.
    private let own: [String]
    private let encoded = Mutex<[String: [UInt8]]>([:])

    init(families: [MetricFamily], delivered: [String: [String]] = [:], own: [String] = []) {
        self.families = families
        self.delivered = delivered
        self.own = own
    }

    /// What `make` returns, made once for each key, so that requests that share a gather share its bytes too.
    ///
    /// - Parameter key: One of a few; what clients say belongs in none.
    public func bytes(for key: String, make: () -> [UInt8]) -> [UInt8] {
        encoded.withLock { encoded in
            if let bytes = encoded[key] { return bytes }
            let bytes = make()
            encoded[key] = bytes
            return bytes
        }
    }

    /// A page of its own with what is wanted of this one, whose bytes go with it.
    public func filtered(by filter: PageFilter) -> Page {
        func names(of collectors: Set<String>) -> Set<String> {
            collectors.reduce(into: []) { $0.formUnion(delivered[$1] ?? []) }
        }
        let all = names(of: Set(delivered.keys))
        let own = Set(own)
        let wanted =
            filter.collectors.map { names(of: $0) }
            ?? names(of: Set(delivered.keys).subtracting(filter.excludedCollectors))
        return Page(
            families: families.filter { family in
                let name = family.descriptor.name
                guard all.contains(name) ? wanted.contains(name) : filter.collectors == nil || !own.contains(name)
                else { return false }
                return filter.names.map { !family.names.isDisjoint(with: $0) } ?? true
            })
    }
}

/// What is wanted of a page.
public struct PageFilter: Sendable, Equatable {
    /// The only families, by their names or by those of their series; `nil` for all.
    public var names: Set<String>?
    /// The only collectors, beside which targets still tell how they are; `nil` for all.
    public var collectors: Set<String>?
    /// Collectors whose families are left out unless another one has delivered them too.
    public var excludedCollectors: Set<String> = []

    /// One that leaves everything there.
    public init() {}
}

extension MetricFamily {
    /// By which it may be asked for: its own name, which OpenMetrics shortens for a counter, and those of its series.
    fileprivate var names: Set<String> {
        let name = descriptor.name
        return switch descriptor.type {
        case .counter where name.hasSuffix("_total"): [name, String(name.dropLast("_total".count))]
        case .histogram: [name, "\(name)_bucket", "\(name)_sum", "\(name)_count"]
        case .summary: [name, "\(name)_sum", "\(name)_count"]
        default: [name]
        }
    }
}
