/// How all targets are together, in a few words.
struct OverallState {
    /// How good or bad something is; what the class of style is called.
    enum Level: String {
        case good, warn, bad, muted
    }

    let level: Level
    /// For the heading.
    let sentence: String
    /// For the browser's tab, where little of it is seen: what matters first.
    let title: String

    init(_ targets: [StatusPage.TargetView]) {
        let down = targets.filter { $0.record?.last.isUp == false }.map(\.name)
        let failing = targets.filter { $0.record?.last.isUp == true && ($0.record?.last.failureCount ?? 0) > 0 }.map(
            \.name)
        let unknown = targets.filter { $0.record == nil }.map(\.name)
        let all = Wording.count(targets.count, "target")
        if targets.isEmpty {
            (level, sentence, title) = (.muted, "Nothing is configured to be watched", "nothing configured")
        } else if !down.isEmpty {
            let names = Wording.list(down)
            level = .bad
            sentence =
                targets.count == 1
                ? "\(names) is down" : "\(down.count) of \(all) \(down.count == 1 ? "is" : "are") down: \(names)"
            title = "down: \(names)"
        } else if !failing.isEmpty {
            let names = Wording.list(failing)
            (level, sentence, title) = (
                .warn, "All that answered are up, but not everything could be read: \(names)", "incomplete: \(names)"
            )
            return
        } else if !unknown.isEmpty {
            let names = Wording.list(unknown)
            (level, sentence, title) = (.warn, "No answer yet: \(names)", "no answer yet: \(names)")
        } else {
            level = .good
            sentence = targets.count == 1 ? "\(Wording.list(targets.map(\.name))) is up" : "All \(all) are up"
            title = "up"
        }
    }
}
