import Scraping

/// The table of all targets: how each is and why.
struct TargetsSection {
    let targets: [StatusPage.TargetView]
    let moment: ContinuousClock.Instant

    /// The most failures, and the most omissions, that are shown of a target.
    private static let reasonLimit = 8
    private static let nameLimit = 80
    private static let detailLimit = 400

    /// - Parameter limit: The page's bytes, at which the rest is cut.
    func add(to page: inout Markup, until limit: Int) {
        page.element("section", "aria-labelledby=\"targets\"") { page in
            page.add("<h2 id=\"targets\">Targets</h2>\n")
            guard !targets.isEmpty else {
                page.add("<p>None is configured: README says how to name PostgreSQL, Redis and containers.</p>\n")
                return
            }
            page.element("div", "class=\"sheet\"") { $0.element("table") { add(table: &$0, until: limit) } }
        }
    }

    private func add(table: inout Markup, until limit: Int) {
        table.add(
            """
            <thead><tr><th scope="col">Target</th><th scope="col">State</th><th scope="col" class="number">Took</th>\
            <th scope="col" class="number">Samples</th><th scope="col" class="number">Last scrape</th></tr></thead>

            """)
        var kinds: [String] = []
        for target in targets where !kinds.contains(target.kind.kind) { kinds.append(target.kind.kind) }
        for (position, kind) in kinds.enumerated() {
            let ofKind = targets.filter { $0.kind.kind == kind }
            // What is wrong is not to be what is cut.
            let sorted = [Severity.bad, .warn, .fine].flatMap { severity in ofKind.filter { Severity($0) == severity } }
            let end = table.count + max(0, limit - table.count) / (kinds.count - position)
            table.element("tbody") { table in
                let title = ofKind.first?.kind.title ?? kind
                table.add(
                    "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"5\">\(title.escapedForHTML)</th></tr>\n")
                for (index, target) in sorted.enumerated() {
                    guard table.count < end else {
                        let rest = sorted[index...]
                        let isFine = rest.allSatisfy { Severity($0) == .fine }
                        table.add(
                            """
                            <tr><td colspan="5">and \(Wording.grouped(Double(rest.count))) more\
                            \(isFine ? ", all of them up" : ", some of them down or incomplete")</td></tr>

                            """)
                        break
                    }
                    add(target, to: &table, until: end)
                }
            }
        }
    }

    /// What stands first.
    private enum Severity {
        case bad, warn, fine

        init(_ target: StatusPage.TargetView) {
            self =
                switch target.record?.last {
                case .some(let last) where !last.isUp: .bad
                case .some(let last) where last.failureCount == 0: .fine
                default: .warn
                }
        }
    }

    private func add(_ target: StatusPage.TargetView, to table: inout Markup, until limit: Int) {
        let name = target.name.shortened(to: Self.nameLimit).escapedForHTML
        // A name that was cut would lead nowhere.
        let query = target.name.utf8.count <= 200 ? target.name.percentEncoded : nil
        let link = query.map { "<a href=\"./probe?target=\($0)\"><bdi>\(name)</bdi></a>" } ?? "<bdi>\(name)</bdi>"
        guard let last = target.record?.last else {
            table.add(
                "<tr><th scope=\"row\">\(link)</th><td class=\"warn\" colspan=\"4\">no answer yet</td></tr>\n")
            return
        }
        let (level, state): (OverallState.Level, String) =
            !last.isUp
            ? (.bad, "down")
            : last.failureCount == 0
                ? (.good, "up") : (.warn, "up, \(Wording.count(last.failureCount, "collector")) failed")
        let took = Double(last.duration.components.seconds) + Double(last.duration.components.attoseconds) / 1e18
        let age = Wording.duration(last.moment.duration(to: moment))
        table.add(
            """
            <tr><th scope="row">\(link)</th><td class="\(level.rawValue)">\(state)</td>\
            <td class="number">\(Wording.seconds(took))</td>\
            <td class="number">\(Wording.grouped(Double(last.series)))</td><td class="number">\(age) ago</td></tr>

            """)
        var reasons = Markup()
        if !last.isUp, let error = last.error { Self.add(nil, error, to: &reasons) }
        let failures = last.failures.prefix(Self.reasonLimit)
        for (name, error) in failures where reasons.count + table.count < limit { Self.add(name, error, to: &reasons) }
        Self.add(more: last.failureCount - failures.count, "failed", to: &reasons)
        let omissions = last.omissions.prefix(Self.reasonLimit)
        for (name, error) in omissions where reasons.count + table.count < limit {
            Self.add(name, error, isOmission: true, to: &reasons)
        }
        Self.add(more: last.omissionCount - omissions.count, "left out", to: &reasons)
        if reasons.count > 0 { table.add("<tr class=\"why\"><td colspan=\"5\">\n\(reasons.text)</td></tr>\n") }
    }

    /// Why something is missing, and what one does about it.
    private static func add(
        _ name: String?, _ error: CollectorError, isOmission: Bool = false, to page: inout Markup
    ) {
        let (what, remedy) = error.reason.words
        let title = isOmission ? "left out" : what.lowercasedFirst
        let heading = name.map { "\($0.shortened(to: nameLimit).escapedForHTML): \(title)" } ?? what
        let detail = error.detail.shortened(to: detailLimit).asSentence.escapedForHTML
        // What was left out says itself how to have it.
        page.add(
            """
            <p><strong class="\(isOmission ? "muted" : name == nil ? "bad" : "warn")">\(heading).</strong> \(detail)\
            \(isOmission ? "" : " \(remedy)")</p>

            """)
    }

    private static func add(more count: Int, _ what: String, to page: inout Markup) {
        guard count > 0 else { return }
        page.add("<p>and \(count) more \(what)</p>\n")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }

    /// With a capital letter where it begins with a word, and a full stop.
    fileprivate var asSentence: String {
        guard let last = last else { return "" }
        return prefix(1).uppercased() + dropFirst() + (".!?…;:".contains(last) ? "" : ".")
    }
}
