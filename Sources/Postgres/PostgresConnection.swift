import CLibPQ
import Glibc
import Scraping
import Synchronization

/// One connection to a server, kept between scrapes, on a thread of its own.
///
/// libpq looks up names, reads certificates and does TLS handshakes in calls that block, and swaps its socket while it
/// connects; so its calls are made on this thread alone, and waiting is `poll(2)` with what is left until the deadline.
actor PostgresConnection {
    /// Statements that go to the server as one transaction; the rows of the last are the answer.
    struct Transaction: Sendable, ExpressibleByArrayLiteral {
        var statements: [String]
        /// More rows than this are a failure, and are not kept in memory; `nil` where the statement bounds itself.
        var rowLimit: Int?

        init(_ statements: [String], rowLimit: Int? = nil) {
            self.statements = statements
            self.rowLimit = rowLimit
        }

        init(arrayLiteral statements: String...) {
            self.init(statements)
        }
    }

    /// What a server's administrator sees of us, unless the connection string says something else.
    static let applicationName = "stack-exporter"

    /// How statements go to the server.
    enum QueryProtocol {
        /// As extended queries, all in one pipeline (``run(_:until:each:)``).
        case pipeline
        /// As simple queries, one after the other (``runSimple(_:until:each:)``): the console of PgBouncer knows no other.
        case simple
    }

    private let settings: PostgresSettings
    private let database: String?
    private let server: Peer?
    private let queries: QueryProtocol
    private let executor: ThreadExecutor
    private var handle: Handle?
    private var backOff = BackOff()
    private let openCount = Atomic(0)
    /// How often it has been opened.
    private(set) var openings = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// 1 while connected, else 0.
    nonisolated var openConnections: Int { openCount.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - database: Overrides the connection string's.
    ///   - server: Where to go, whichever of several hosts the connection string would lead to.
    ///   - executor: The thread to work on; by default one of its own.
    init(
        _ settings: PostgresSettings, database: String? = nil, at server: Peer? = nil,
        queries: QueryProtocol = .pipeline, on executor: ThreadExecutor? = nil
    ) {
        self.settings = settings
        self.database = database
        self.server = server
        self.queries = queries
        self.executor = executor ?? ThreadExecutor(name: "pg \(settings.name)")
    }

    /// libpq's connection, closed when its owner goes.
    private struct Handle: ~Copyable {
        let raw: OpaquePointer
        deinit { PQfinish(raw) }
    }

    /// Whether the connection has to be made before the next statement can be sent.
    var isClosed: Bool { handle == nil }

    /// Where the connection leads: the server's process as libpq knows it, and the host and port that it chose.
    ///
    /// - Throws: `connection`, where it has been closed.
    var peer: Peer {
        get throws(CollectorError) {
            let raw = try raw
            let host = PQhost(raw).map { String(cString: $0) } ?? ""
            let port = PQport(raw).map { String(cString: $0) } ?? ""
            // The address spares looking up the host again; a socket has none.
            let address = PQhostaddr(raw).map { String(cString: $0) } ?? ""
            return Peer(process: PQbackendPID(raw), host: host, numericHost: address, port: port)
        }
    }

    /// The other end of a connection.
    struct Peer: Sendable {
        let process: Int32
        let host: String
        /// Empty for a socket.
        let numericHost: String
        let port: String

        /// `host:port`
        var address: String { "\(host):\(port)" }
    }

    /// Connects, unless it is connected or the last attempt failed a moment ago.
    func open(until deadline: Deadline) throws(CollectorError) {
        guard handle == nil else { return }
        try backOff.check()
        do throws(CollectorError) {
            handle = try connect(until: deadline)
            openCount.store(1, ordering: .relaxed)
            openings += 1
            backOff.succeed()
        } catch {
            backOff.fail(error)
            throw error
        }
    }

    /// Closes the connection; the next ``open(until:)`` makes a new one.
    func close() {
        handle = nil
        openCount.store(0, ordering: .relaxed)
    }

    /// Closes the connection and waits until the server's process has gone too: not before then may another take its place
    /// in the budget, and may the database be dropped.
    func closeAndWait(until deadline: Deadline) {
        guard let raw = handle?.raw else { return }
        let socket = dup(PQsocket(raw))
        close()
        guard socket >= 0 else { return }
        defer { Glibc.close(socket) }
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        var bytes = [UInt8](repeating: 0, count: 4096)
        // The kernel closes the server's end when its process ends, which is after it has left pg_stat_activity.
        while poll(&entry, 1, deadline.remainingMilliseconds) > 0, recv(socket, &bytes, bytes.count, 0) > 0 {}
    }

    /// Sends all transactions in one go and hands over each one's outcome as it comes.
    ///
    /// A transaction that fails leaves the others alone.
    ///
    /// - Parameter each: Gets the transaction's index and the rows of its last statement, or why it failed.
    /// - Throws: `timeout` or `connection`, and then the connection is closed: what the server still sends belongs to
    ///   statements that nobody waits for any more.
    func run(
        _ transactions: [Transaction],
        until deadline: Deadline,
        each: @Sendable (Int, consuming Result<QueryResult, CollectorError>) -> Void
    ) throws(CollectorError) {
        do throws(CollectorError) {
            try send(transactions, until: deadline)
            for (index, transaction) in transactions.enumerated() {
                var rows: QueryResult?
                var failure: CollectorError?
                for position in transaction.statements.indices {
                    let isLast = position == transaction.statements.count - 1
                    rows = try receiveRows(
                        limit: isLast ? transaction.rowLimit : nil, failure: &failure, until: deadline)
                }
                try receiveSync(until: deadline)
                if let failure {
                    each(index, .failure(failure))
                } else if let rows = consume rows {
                    each(index, .success(rows))
                }
            }
        } catch {
            close()
            throw error
        }
    }

    /// Sends each statement as a simple query when the one before has been answered, and hands over its outcome.
    ///
    /// A statement that fails leaves the others alone.
    ///
    /// - Parameter each: Gets the statement's index and its rows, or why it failed.
    /// - Throws: `timeout` or `connection`, and then the connection is closed.
    func runSimple(
        _ statements: [String],
        until deadline: Deadline,
        each: @Sendable (Int, consuming Result<QueryResult, CollectorError>) -> Void
    ) throws(CollectorError) {
        do throws(CollectorError) {
            for (index, statement) in statements.enumerated() {
                guard PQsendQuery(try raw, statement) == 1 else { throw lost }
                try flush(until: deadline)
                var failure: CollectorError?
                let rows = try receiveRows(limit: nil, failure: &failure, until: deadline)
                if let failure {
                    each(index, .failure(failure))
                } else if let rows = consume rows {
                    each(index, .success(rows))
                }
            }
        } catch {
            close()
            throw error
        }
    }

    // MARK: Connecting

    private func connect(until deadline: Deadline) throws(CollectorError) -> Handle {
        // A later keyword overrides what the connection string behind the first `dbname` says, unless it is empty.
        var parameters = [
            ("fallback_application_name", Self.applicationName),
            ("dbname", settings.connectionString),
            ("user", settings.user ?? ""),
            ("password", try settings.password?.reveal() ?? ""),
            ("client_encoding", "UTF8"),
            ("dbname", database ?? ""),
        ]
        if let server {
            parameters += [("host", server.host), ("hostaddr", server.numericHost), ("port", server.port)]
        }
        let started = withCStrings(parameters.map(\.0)) { keywords in
            withCStrings(parameters.map(\.1)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let raw = started else { throw CollectorError(.internal, "libpq has no memory for a connection") }
        let handle = Handle(raw: raw)
        // With codes, which need no translation. PgBouncer has one code for all.
        PQsetErrorVerbosity(raw, queries == .simple ? PQERRORS_TERSE : PQERRORS_VERBOSE)
        PQsetNoticeProcessor(raw, { _, _ in }, nil)
        var next = PGRES_POLLING_WRITING
        while PQstatus(raw) != CONNECTION_BAD {
            switch next {
            case PGRES_POLLING_OK:
                guard PQsetnonblocking(raw, 1) == 0, queries == .simple || PQenterPipelineMode(raw) == 1 else {
                    throw connectionError(raw)
                }
                return handle
            case PGRES_POLLING_READING: try wait(for: POLLIN, on: raw, until: deadline)
            case PGRES_POLLING_WRITING: try wait(for: POLLOUT, on: raw, until: deadline)
            default: throw connectionError(raw)
            }
            next = PQconnectPoll(raw)
        }
        throw connectionError(raw)
    }

    /// Why the server or libpq refused: by the server's code where it sent one.
    private func connectionError(_ raw: OpaquePointer) -> CollectorError {
        let message = String(cString: PQerrorMessage(raw))
        let lines = message.split(separator: "\n")
        if queries == .simple, let refusal = lines.last?.split(separator: "FATAL:  ").last, refusal != lines.last {
            let error = PoolerMessage.error(String(refusal), to: login(of: raw), otherwise: .connection)
            return error.at(settings.server)
        }
        if let refusal = ConnectionRefusal(message) {
            return refusal.error(login(of: raw)).at(settings.server)
        }
        if PQconnectionNeedsPassword(raw) == 1 {
            let remedy = Remedy(Remedy.environment, "PGPASSWORD=<password>")
            return CollectorError(.authentication, "the server asks for a password and none is set", remedies: [remedy])
                .at(settings.server)
        }
        return CollectorError(.connection, lines.first.map(String.init) ?? "\(settings.server): no connection")
    }

    /// Who logs in, to which database, from where.
    private func login(of raw: OpaquePointer) -> ConnectionRefusal.Login {
        .init(
            role: PQuser(raw).map { String(cString: $0) } ?? "", database: PQdb(raw).map { String(cString: $0) } ?? "",
            address: localAddress(ofSocket: PQsocket(raw)))
    }

    /// Who logs in there.
    ///
    /// - Throws: `connection`, where it has been closed.
    var user: String {
        get throws(CollectorError) { login(of: try raw).role }
    }

    // MARK: One pipeline

    private func send(_ transactions: [Transaction], until deadline: Deadline) throws(CollectorError) {
        let raw = try raw
        for transaction in transactions {
            for statement in transaction.statements {
                guard PQsendQueryParams(raw, statement, 0, nil, nil, nil, nil, 0) == 1 else { throw lost }
            }
            guard clibpq_pipeline_sync(raw) == 1 else { throw lost }
        }
        try flush(until: deadline)
    }

    /// Writes what has been sent to the socket.
    private func flush(until deadline: Deadline) throws(CollectorError) {
        let raw = try raw
        while true {
            switch PQflush(raw) {
            case 0: return
            case 1:
                // The server may not read on before we have read what it answers.
                try wait(for: POLLIN | POLLOUT, on: raw, until: deadline)
                guard PQconsumeInput(raw) == 1 else { throw lost }
            default: throw lost
            }
        }
    }

    /// The rows of one statement, read up to the end mark behind it.
    ///
    /// - Parameter failure: Set where there are none, unless it is set: after a failure the rest of a transaction is only
    ///   said to have been skipped.
    private func receiveRows(
        limit: Int?, failure: inout CollectorError?, until deadline: Deadline
    ) throws(CollectorError) -> QueryResult? {
        let raw = try raw
        var rows: QueryResult?
        if limit != nil { PQsetSingleRowMode(raw) }
        while let result = try receive(from: raw, until: deadline) {
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK:
                // Behind rows that came one by one, an empty result marks their end.
                if rows == nil { rows = QueryResult(result) } else { PQclear(result) }
                continue
            case PGRES_SINGLE_TUPLE:
                if rows == nil {
                    rows = QueryResult(result)
                    continue
                }
                defer { PQclear(result) }
                guard failure == nil else { continue }
                do throws(CollectorError) {
                    try rows?.append(rowOf: result, limit: limit ?? .max)
                } catch {
                    failure = error
                }
                continue
            default: break
            }
            defer { PQclear(result) }
            let status = PQresultStatus(result)
            if status == PGRES_PIPELINE_ABORTED { continue }
            if status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY {
                failure = failure ?? CollectorError(.internal, "the statement returns no rows")
                continue
            }
            guard let code = PQresultErrorField(result, clibpq_diag_sqlstate).map({ String(cString: $0) }) else {
                throw lost
            }
            let text = PQresultErrorField(result, clibpq_diag_message).map { String(cString: $0) } ?? "it failed"
            // PgBouncer's only code is that of a lost connection, which an ERROR does not end.
            let severity = PQresultErrorField(result, clibpq_diag_severity).map { String(cString: $0) }
            if queries == .simple, severity == "ERROR" {
                failure = PoolerMessage.error(text, to: login(of: raw), otherwise: .internal)
                continue
            }
            let error = CollectorError(SQLState(code: code).reason, "\(text) (\(code))")
            if error.reason == .connection { throw error }
            failure = failure ?? error
        }
        // The rows before a failure are not the answer.
        guard failure == nil else { return nil }
        if rows == nil {
            failure = CollectorError(.internal, "the server answered a statement with nothing")
        }
        return rows
    }

    /// The mark that ends a transaction.
    private func receiveSync(until deadline: Deadline) throws(CollectorError) {
        guard let result = try receive(from: raw, until: deadline) else {
            throw CollectorError(.internal, "the server did not end a transaction")
        }
        defer { PQclear(result) }
        guard PQresultStatus(result) == PGRES_PIPELINE_SYNC else { throw lost }
    }

    private func receive(from raw: OpaquePointer, until deadline: Deadline) throws(CollectorError) -> OpaquePointer? {
        while PQisBusy(raw) == 1 {
            try wait(for: POLLIN, on: raw, until: deadline)
            guard PQconsumeInput(raw) == 1 else { throw lost }
        }
        return PQgetResult(raw)
    }

    private var lost: CollectorError {
        CollectorError(.connection, "\(settings.server): the connection was lost")
    }

    /// libpq's connection, where there is one.
    private var raw: OpaquePointer {
        get throws(CollectorError) {
            guard let raw = handle?.raw else { throw lost }
            return raw
        }
    }

    /// Blocks this thread until the socket is ready. The socket is asked for each time: libpq changes it at will.
    private func wait(for events: CInt, on raw: OpaquePointer, until deadline: Deadline) throws(CollectorError) {
        var entry = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
        while true {
            let left = deadline.remainingMilliseconds
            guard left > 0 else {
                throw CollectorError(.timeout, "\(settings.server): no answer within the scrape's time limit")
            }
            if poll(&entry, 1, left) > 0 { return }
        }
    }
}

/// The address that a socket has on this side, without its port; `nil` for a unix socket and for none.
private func localAddress(ofSocket socket: CInt) -> String? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    let isNumeric = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            getsockname(socket, address, &length) == 0 && [AF_INET, AF_INET6].contains(CInt(address.pointee.sa_family))
                && getnameinfo(address, length, &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST) == 0
        }
    }
    guard isNumeric else { return nil }
    return String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Lends C strings with the NULL behind them that ends such a list.
private func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) } + [nil])
}
