/// What may be configured of the HTTP server.
public struct WebSettings: Sendable {
    /// Where it listens where nobody says anything else.
    static let usualPort = 19187

    /// Where it listens.
    public var addresses: [ListenAddress] = [.tcp(host: "", port: usualPort)]
    /// The path of the metrics; it starts with a slash.
    public var telemetryPath = "/metrics"
    /// What the way of an answer takes off the time limit that a scraper sends; `nil` for a tenth of it, at most half
    /// a second.
    public var timeoutOffset: Duration?
    /// What clients may take.
    public var limits = Limits()
    /// The file that says who may connect and how, which is read again when it changes; `nil` where none does.
    public var configurationFile: String?
    /// Who may connect and how, as the file says it or the flags of redis_exporter and cAdvisor.
    public var configuration = WebConfiguration()
    /// The permissions of unix sockets; `nil` for those that the umask leaves.
    public var socketMode: UInt32?
    /// Whether the configuration may be read again by HTTP.
    public var enablesLifecycle = false

    /// The settings that hold where nothing is configured.
    public init() {}

    /// What clients may take: none of it depends on their good will.
    public struct Limits: Sendable {
        /// Open connections; for one more, the one is closed that has been without a request for longest.
        public var connections = 512
        /// Scrapes at one time; one more is answered 503. Twice as many answers may be on their way to their clients; for one
        /// more, the slowest is cut.
        public var scrapes = 40
        /// Bytes of a request's target and header fields.
        public var headBytes = 16 * 1024
        /// Requests under way on one connection of HTTP/2.
        public var streams = 8
        /// Header fields of a request.
        public var headerFields = 100
        /// Bytes of a request's target.
        public var targetBytes = 8 * 1024
        /// Bytes of a request's body, which no route reads.
        public var bodyBytes = 8 * 1024
        /// From a request's first byte to its last.
        public var readTimeout = Duration.seconds(10)
        /// From one request to the next; longer than the usual minute between scrapes.
        public var idleTimeout = Duration.seconds(120)
        /// From the first byte of an answer until the system has taken the last.
        public var writeTimeout = Duration.seconds(30)
        /// How long a client gets to close its side of a connection after the last answer.
        public var closeTimeout = Duration.seconds(2)

        /// The limits that hold where nothing is configured.
        public init() {}
    }
}
