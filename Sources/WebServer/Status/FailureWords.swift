import Scraping

extension FailureReason {
    /// What is wrong and what one does about it in general; what a failure says of itself stands between the two.
    var words: (what: String, remedy: String) {
        switch self {
        case .timeout:
            (
                "No answer in time",
                "See whether it is overloaded or hangs; if it is only slow, raise --scrape.timeout and Prometheus' own."
            )
        case .connection: ("Not reachable", "See whether it runs, and whether its address and port are right.")
        case .authentication: ("Login refused", "Mend the user or the password that the exporter has.")
        case .permission: ("Not allowed", "Give the exporter's user the right; stack-exporter check says how.")
        case .missingExtension: ("Missing there", "Install it, or turn the collector off by --no-collector.")
        case .unsupportedVersion: ("Not in this version", "Upgrade the server, or turn the collector off.")
        case .locked: ("Locked", "Find out who holds the lock: it may keep others waiting too.")
        case .internal: ("Not understood", "If it stays, it is a defect that is worth reporting.")
        }
    }
}
