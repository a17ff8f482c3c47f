import Configuration
import Logging
import NIOHTTP1
import Scraping
import Synchronization

/// Who may connect and how, as the files say it now: they are looked at when somebody comes, at most once a second, and
/// read again when they have changed. A version that is wrong changes nothing.
final class WebAccess: Sendable {
    /// What holds for a connection or a request.
    struct Rules: Sendable {
        fileprivate(set) var configuration = WebConfiguration()
        /// What connections are encrypted with; `nil` for not at all.
        fileprivate(set) var tls: TLSContext?
        /// Fields of every answer.
        fileprivate(set) var headers: HTTPHeaders = [:]
        fileprivate var authentication: BasicAuthentication?
        fileprivate var limiter: RateLimiter?
    }

    private struct State {
        var rules = Rules()
        /// Of each file that says something, as it was when it was last read.
        var stamps: [String: FileStamp?] = [:]
        var lastLook = ContinuousClock.now
    }

    private let settings: WebSettings
    private let metrics: HTTPMetrics
    private let log: Logger
    private let state = Mutex(State())

    /// Lets nobody in before ``start()``.
    init(_ settings: WebSettings, metrics: HTTPMetrics, log: Logger) {
        self.settings = settings
        self.metrics = metrics
        self.log = log
    }

    /// Reads the files that are named in what is configured.
    ///
    /// - Throws: Where one of them cannot be read or holds something else.
    func start() throws(ConfigurationError) {
        let before = stamps(of: settings.configuration)
        let configuration =
            try settings.configurationFile.map { file throws(ConfigurationError) in
                try WebConfiguration.load(path: file)
            } ?? settings.configuration
        let stamps = stamps(of: configuration, before)
        let rules = try makeRules(configuration, after: Rules())
        state.withLock { state in
            state.rules = rules
            state.stamps = stamps
        }
        if let warning = rules.tls?.warning { log.warning("\(warning)") }
    }

    /// Whether what holds may change.
    var canChange: Bool { state.withLock { !$0.stamps.isEmpty } }

    /// What held when somebody last came.
    var rules: Rules { state.withLock { $0.rules } }

    /// What holds now. It may read files.
    func currentRules() -> Rules {
        state.withLock { state in
            if !state.stamps.isEmpty, state.lastLook.duration(to: .now) >= .seconds(1) {
                state.lastLook = .now
                look(&state)
            }
            return state.rules
        }
    }

    private func look(_ state: inout State) {
        let stamps = Dictionary(uniqueKeysWithValues: state.stamps.keys.map { ($0, FileStamp($0)) })
        // What is half written is looked at again.
        guard stamps != state.stamps, stamps.values.allSatisfy({ $0?.isSettled ?? true }) else { return }
        state.stamps = stamps
        do {
            var configuration = settings.configuration
            if let file = settings.configurationFile {
                configuration = try WebConfiguration.load(path: file)
                state.stamps = self.stamps(of: configuration, stamps)
                try Self.refuseOpening(from: state.rules.configuration, to: configuration, in: file)
            }
            state.rules = try makeRules(configuration, after: state.rules)
            metrics.recordWebConfiguration(isRead: true)
            log.info("web configuration read again")
            if let warning = state.rules.tls?.warning { log.warning("\(warning)") }
        } catch {
            metrics.recordWebConfiguration(isRead: false)
            log.error(
                "web configuration not read again, the one before it still holds", metadata: ["error": "\(error)"])
        }
    }

    /// A file that was emptied by accident must not open the page to everybody.
    private static func refuseOpening(
        from old: WebConfiguration, to new: WebConfiguration, in file: String
    ) throws(ConfigurationError) {
        for (key, isGone) in [
            ("tls_server_config", old.tls != nil && new.tls == nil),
            ("basic_auth_users", !old.users.isEmpty && new.users.isEmpty),
        ] where isGone {
            throw ConfigurationError(
                "\(file) has no \(key) any more; restart the exporter if it is meant to be without")
        }
    }

    /// - Parameter before: Those that were taken before their files were read, so that no change in between is missed.
    private func stamps(
        of configuration: WebConfiguration, _ before: [String: FileStamp?] = [:]
    ) -> [String: FileStamp?] {
        let tls = configuration.tls
        let files = [settings.configurationFile, tls?.certificate.path, tls?.key.path, tls?.clientAuthority?.path]
        return Dictionary(files.compactMap(\.self).map { ($0, before[$0] ?? FileStamp($0)) }) { first, _ in first }
    }

    private func makeRules(
        _ configuration: WebConfiguration, after old: Rules
    ) throws(ConfigurationError) -> Rules {
        var rules = Rules()
        rules.configuration = configuration
        if let tls = configuration.tls {
            do {
                rules.tls = try TLSContext(
                    tls, hasHTTP2: configuration.hasHTTP2, closeTimeout: settings.limits.closeTimeout)
            } catch {
                throw ConfigurationError(error.description)
            }
        }
        rules.headers = HTTPHeaders(configuration.headers.map { ($0.name, $0.value) })
        // What has not changed goes on, with what it remembers.
        if configuration.users == old.configuration.users {
            rules.authentication = old.authentication
        } else if !configuration.users.isEmpty {
            rules.authentication = BasicAuthentication(configuration.users)
        }
        rules.limiter =
            configuration.rateLimit == old.configuration.rateLimit
            ? old.limiter : configuration.rateLimit.map { RateLimiter($0) }
        return rules
    }
}

extension WebAccess.Rules {
    /// Whether a request is let in.
    ///
    /// - Returns: `nil` where it is, else its answer.
    func refusal(of request: HTTPRequest) async -> HTTPResponse? {
        if let wait = limiter?.admit() {
            return HTTPResponse(
                .tooManyRequests, "Too many requests.",
                headers: ["Retry-After": "\(max(1, Int(wait.seconds.rounded(.up))))"])
        }
        guard let authentication else { return nil }
        let fields = request.headers["Authorization"]
        switch await authentication.verdict(on: fields.count == 1 ? fields.first : nil) {
        case .granted: return nil
        case .denied:
            return HTTPResponse(
                .unauthorized, "Unauthorized", headers: ["WWW-Authenticate": #"Basic realm="stack-exporter""#])
        case .busy:
            return HTTPResponse(
                .serviceUnavailable, "Too many passwords to check at once; try again later.",
                headers: ["Retry-After": "1"])
        }
    }
}
