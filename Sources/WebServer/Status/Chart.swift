/// Small drawings beside numbers. The words that stand with them say the same.
enum Chart {
    /// How high a line is drawn at most.
    private static let height = 40.0

    /// A line through the values of the last quarter of an hour, and how far they reach.
    ///
    /// - Returns: Nothing where there are not two values to draw a line between.
    static func line(_ recent: RecentValues, of figure: Figure, until step: Int) -> String {
        let entries = recent.entries(until: step)
        let values = entries.compactMap { if case .value(let value) = $0.entry { value } else { nil } }
        guard values.count > 1, let least = values.min(), let most = values.max() else { return "" }
        // Ratios and numbers alike start from zero, so that what hardly changes does not look as if it did.
        let top = figure.unit == .ratio ? 1 : max(most, 0)
        var path = ""
        var pen: (x: Int, y: Int)?
        for (age, entry) in entries {
            guard case .value(let value) = entry else {
                pen = nil
                continue
            }
            let x = RecentValues.capacity - 1 - age
            let y = Int((height * (1 - (top > 0 ? min(1, max(0, value / top)) : 0))).rounded())
            if let pen {
                path += "l\(x - pen.x)\(y < pen.y ? "" : " ")\(y - pen.y)"
            } else {
                path += "M\(x) \(y)"
            }
            pen = (x, y)
        }
        let ends = [least, most].map { Wording.number($0, figure.unit) }
        let range = ends[0] == ends[1] ? "\(ends[0]), unchanged" : "\(ends[0]) to \(ends[1])"
        let minutes = max(1, (entries[0].age * Int(RecentValues.step.components.seconds) + 59) / 60)
        return """
            <div><svg class="line" viewBox="0 -2 90 44" preserveAspectRatio="none" role="img" \
            aria-label="\(figure.label.escapedForHTML) in the last \(minutes) min: \(range)"><path d="\(path)"/></svg>\
            <small>\(range) in \(minutes) min</small></div>
            """
    }

    /// How much of its limit something is.
    static func bar(_ share: Double) -> String {
        let width = Wording.rounded(share * 100, 1)
        return """
            <svg class="bar \(Level(share).rawValue)" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">\
            <rect class="all" width="100" height="6"/><rect width="\(width)" height="6"/></svg>
            """
    }

    /// How near to its limit something is.
    enum Level: String {
        case normal, high, full

        init(_ share: Double) {
            self = share >= 0.95 ? .full : share >= 0.8 ? .high : .normal
        }

        /// What colours alone must not say.
        var words: String {
            switch self {
            case .normal: ""
            case .high: ", high"
            case .full: ", nearly all"
            }
        }
    }
}
