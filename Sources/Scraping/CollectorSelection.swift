/// Which collectors were switched on or off by name; the others are as they are by themselves.
public struct CollectorSelection: Sendable, Equatable {
    /// What was said of each that something was said of.
    public var chosen: [String: Bool]

    /// A selection; by default all collectors are as they are by themselves.
    public init(_ chosen: [String: Bool] = [:]) {
        self.chosen = chosen
    }

    /// Whether a collector runs.
    public func isEnabled(_ collector: any Collector) -> Bool {
        chosen[collector.name] ?? collector.isEnabledByDefault
    }

    /// Whether a collector was asked for by name, so that it is an error where there is nothing for it to collect.
    public func isRequested(_ collector: any Collector) -> Bool {
        chosen[collector.name] == true
    }
}
