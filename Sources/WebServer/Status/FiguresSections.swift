/// The figures that people look for, by kind of target.
struct FiguresSections {
    let targets: [StatusPage.TargetView]
    let step: Int

    private static let nameLimit = 60

    /// - Parameter limit: The page's bytes, at which the rest is cut.
    func add(to page: inout Markup, until limit: Int) {
        let kinds = KindOfTarget.all.filter { kind in
            targets.contains { $0.kind.kind == kind.kind && Self.hasFigures($0) }
        }
        for (position, kind) in kinds.enumerated() {
            let end = page.count + max(0, limit - page.count) / (kinds.count - position)
            let ofKind = targets.filter { $0.kind.kind == kind.kind }
            let shown = ofKind.filter(Self.hasFigures)
            page.element("section", "aria-labelledby=\"\(kind.kind)\"") { page in
                page.add("<h2 id=\"\(kind.kind)\">\(kind.title)</h2>\n")
                for (index, target) in shown.enumerated() {
                    guard page.count < end else {
                        page.add("<p>and \(Wording.count(shown.count - index, "target")) more</p>\n")
                        break
                    }
                    if ofKind.count > 1 {
                        page.add("<h3><bdi>\(target.name.shortened(to: Self.nameLimit).escapedForHTML)</bdi></h3>\n")
                    }
                    add(target, to: &page, until: end)
                }
            }
        }
    }

    private static func hasFigures(_ target: StatusPage.TargetView) -> Bool {
        guard let record = target.record, record.last.isUp else { return false }
        return record.figures.values.contains { $0 != nil } || record.tables.contains { !$0.isEmpty }
    }

    private func add(_ target: StatusPage.TargetView, to page: inout Markup, until limit: Int) {
        guard let record = target.record else { return }
        let figures = target.kind.figures.enumerated().filter { index, figure in
            record.figures.isWorthTelling(index, figure)
        }
        if !figures.isEmpty {
            page.element("dl") { page in
                for (index, figure) in figures where page.count < limit {
                    page.element("div") { page in
                        page.add("<dt>\(figure.label)</dt><dd class=\"cell\">")
                        page.add(content(of: figure, at: index, record.figures))
                        page.add("</dd>")
                    }
                }
            }
        }
        for (ranking, table) in zip(target.kind.rankings, record.tables) where !table.isEmpty {
            add(ranking, table, to: &page, until: limit)
        }
    }

    /// A number, its limit, a bar, what it is made of and a line of what it was.
    private func content(of figure: Figure, at index: Int, _ values: FigureValues) -> String {
        guard let value = values[index] else { return "" }
        var html = "<div><data value=\"\(value.value)\">\(Wording.number(value.value, figure.unit))</data>"
        if let limit = value.limit, let share = value.share {
            let words = Chart.Level(share).words
            html += """
                 of \(Wording.limit(limit, figure.unit))\(Chart.bar(share))\
                <small>\(Wording.percent(share))\(words)</small>
                """
        } else if figure.unit == .cores {
            html += " \(value.value == 1 ? "core" : "cores")"
        }
        if !value.parts.isEmpty {
            let parts = value.parts.map {
                "\(Wording.grouped($0.value)) \($0.name.shortened(to: Self.nameLimit).escapedForHTML)"
            }
            html += "<small>\(parts.joined(separator: ", "))</small>"
        }
        html += "</div>"
        if let recent = values.recent[index] { html += Chart.line(recent, of: figure, until: step) }
        return html
    }

    private func add(_ ranking: Ranking, _ table: TargetRecord.Table, to page: inout Markup, until limit: Int) {
        guard !table.shown.isEmpty else {
            if !ranking.otherwise.isEmpty { page.add("<p class=\"muted\">\(ranking.otherwise)</p>\n") }
            return
        }
        let rows = table.shown.compactMap { table.rows[$0] }
        let columns = ranking.columns.enumerated().filter { !$0.element.isTrouble }
        let troubles = ranking.columns.enumerated().filter { $0.element.isTrouble }
        let hasTroubles = rows.contains { row in troubles.contains { row.values.isWorthTelling($0.offset, $0.element) }
        }
        page.add("<h3>\(ranking.title)</h3>\n")
        page.element("div", "class=\"sheet\"") { page in
            page.element("table", "class=\"rows\"") { page in
                page.add("<thead><tr><th scope=\"col\">\(ranking.heading)</th>")
                for (_, column) in columns { page.add("<th scope=\"col\">\(column.label)</th>") }
                if hasTroubles { page.add("<th scope=\"col\" class=\"remarks\">Remarks</th>") }
                page.add("</tr></thead>\n<tbody>\n")
                var shown = 0
                for row in rows where page.count < limit {
                    add(row, columns, hasTroubles ? troubles : [], to: &page)
                    shown += 1
                }
                let more = table.count - shown
                if more > 0 {
                    let width = columns.count + (hasTroubles ? 2 : 1)
                    page.add("<tr><td colspan=\"\(width)\">and \(Wording.grouped(Double(more))) more</td></tr>\n")
                }
                page.add("</tbody>\n")
            }
        }
    }

    private func add(
        _ row: TargetRecord.Row, _ columns: [(offset: Int, element: Figure)],
        _ troubles: [(offset: Int, element: Figure)], to page: inout Markup
    ) {
        page.element("tr") { page in
            let place = row.name.place.isEmpty ? "" : "<small><bdi>\(row.name.place.escapedForHTML)</bdi></small>"
            page.add("<th scope=\"row\"><bdi>\(row.name.name.escapedForHTML)</bdi>\(place)</th>")
            for (index, column) in columns {
                page.add("<td><div class=\"cell\">\(content(of: column, at: index, row.values))</div></td>")
            }
            guard !troubles.isEmpty else { return }
            let remarks = troubles.compactMap { index, figure in
                row.values.isWorthTelling(index, figure)
                    ? row.values[index].map { value in
                        "<data value=\"\(value.value)\">\(Wording.number(value.value, figure.unit))</data> \(figure.label)"
                    } : nil
            }
            page.add("<td class=\"remarks\">\(remarks.joined(separator: ", "))</td>")
        }
    }
}

extension FigureValues {
    fileprivate subscript(index: Int) -> FigureValue? {
        values.indices.contains(index) ? values[index] : nil
    }

    /// Whether a figure is known and says something.
    fileprivate func isWorthTelling(_ index: Int, _ figure: Figure) -> Bool {
        self[index].map { value in figure.troubleAbove.map { value.value > $0 } ?? true } ?? false
    }
}
