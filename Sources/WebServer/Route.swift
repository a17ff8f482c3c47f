public import NIOHTTP1

/// A path and who answers it.
public struct Route: Sendable {
    /// The path, without query; a trailing slash makes no difference. Also the `handler` label of the server's metrics.
    public let path: String
    /// The methods that are answered; GET brings HEAD along.
    public let methods: [HTTPMethod]
    /// Makes the answer, off the event loop. Its task is cancelled when the client goes away.
    public let respond: @Sendable (HTTPRequest) async -> HTTPResponse

    /// - Parameter methods: GET brings HEAD along.
    public init(
        _ path: String,
        methods: [HTTPMethod] = [.GET],
        respond: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.path = path
        self.methods = methods
        self.respond = respond
    }

    /// The value of an answer's `Allow` field.
    var allow: String { allowed.joined(separator: ", ") }

    fileprivate var allowed: [String] { methods.flatMap { $0 == .GET ? ["GET", "HEAD"] : [$0.rawValue] } }
}

/// Finds who answers a request, and counts the answer.
struct Router: Sendable {
    let metrics: HTTPMetrics
    /// Who is let in.
    let access: WebAccess
    private let routes: [Substring: Route]

    /// - Parameter routes: Of two with the same path the first is taken.
    init(_ routes: [Route], access: WebAccess, metrics: HTTPMetrics) {
        self.metrics = metrics
        self.access = access
        self.routes = Dictionary(routes.map { (Self.key($0.path[...]), $0) }, uniquingKeysWith: { first, _ in first })
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let refusal = await access.currentRules().refusal(of: request) {
            metrics.refuse(handler: "access", method: request.method, status: refusal.status)
            return refusal
        }
        let start = ContinuousClock.now
        let route = routes[Self.key(request.path)]
        let handler = route?.path ?? "not_found"
        metrics.begin(handler: handler)
        var response: HTTPResponse
        if let route, route.methods.contains(request.method == .HEAD ? .GET : request.method) {
            response = await route.respond(request)
        } else if let route {
            response = HTTPResponse(
                .methodNotAllowed, "This path answers \(route.allow) only.", headers: ["Allow": route.allow])
        } else if request.method == .OPTIONS, request.path == "*" {
            // It is the server as a whole that is asked.
            let allow = Set(routes.values.flatMap(\.allowed)).sorted().joined(separator: ", ")
            response = HTTPResponse(.ok, "There are paths for \(allow).", headers: ["Allow": allow])
        } else {
            response = HTTPResponse(.notFound, "There is nothing here; the paths that exist are listed at /.")
        }
        // What nginx calls it, so that scrapes that Prometheus gave up on can be told from the others.
        if Task.isCancelled { response.status = .custom(code: 499, reasonPhrase: "Client Closed Request") }
        metrics.end(
            handler: handler, method: request.method, status: response.status, took: start.duration(to: .now),
            size: request.method == .HEAD ? 0 : response.body.count)
        return response
    }

    private static func key(_ path: Substring) -> Substring {
        path.count > 1 && path.hasSuffix("/") ? path.dropLast() : path
    }
}
