import NIOHTTP1

/// `/-/reload`: reads the configuration again.
public enum Lifecycle {
    /// What came of a reload.
    public enum Outcome: Sendable {
        /// It is in force.
        ///
        /// - Parameter needRestart: The flags of what has changed and stays as it was until the next start.
        case reloaded(needRestart: [String])
        /// Everything is as it was, for this reason: a sentence without a full stop.
        case refused(String)
    }

    /// - Parameters:
    ///   - isEnabled: Whether whoever may reach the server may do this.
    ///   - reload: Reads the configuration, and returns when it is in force or refused.
    public static func route(isEnabled: Bool, reload: @escaping @Sendable () async -> Outcome) -> Route {
        Route("/-/reload", methods: [.POST, .PUT]) { _ in
            guard isEnabled else {
                return HTTPResponse(.forbidden, "Reloading by HTTP is off; --web.enable-lifecycle turns it on.")
            }
            return switch await reload() {
            case .reloaded(let flags) where flags.isEmpty: HTTPResponse(.ok, "Reloaded.")
            case .reloaded(let flags):
                HTTPResponse(.ok, "Reloaded. This needs a restart: \(flags.map { "--\($0)" }.joined(separator: ", ")).")
            case .refused(let sentence):
                HTTPResponse(.badRequest, "\(sentence). Everything goes on as before.")
            }
        }
    }
}
