extension Duration {
    /// Reads a duration as Prometheus and Go write it (`10s`, `1m30s`, `500ms`), or a plain number of seconds; `nil` for
    /// anything else, and for what is negative.
    init?(text: some StringProtocol) {
        if let seconds = Double(text) {
            guard seconds >= 0, seconds < 1e9 else { return nil }
            self = .seconds(seconds)
            return
        }
        let units = ["ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86_400]
        var total = 0.0
        var rest = text[...]
        repeat {
            let digits = rest.prefix { $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let symbol = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(symbol.count)
            guard let number = Double(digits), let unit = units[String(symbol)] else { return nil }
            total += number * unit
        } while !rest.isEmpty
        guard total < 1e9 else { return nil }
        self = .seconds(total)
    }
}
