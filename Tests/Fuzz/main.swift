// A Redis server that says anything: what it sends goes the way that replies go, from the bytes to the page.
//
// `make fuzz` runs it under libFuzzer and AddressSanitizer. An input is what a server sends over one connection: the replies
// to the greeting, to the questions about commands, and to the trips of one scrape, with every collector on. With two
// arguments, a server's socket and a file, it records what a real server sends, for a first input.

import Exposition
import Glibc
import NIOCore
import Scraping

@testable import Redis

typealias Callback = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// libFuzzer's own main, which calls back for every input.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: Callback
) -> CInt

/// Everything is looked at that may be.
func everything() -> RedisSettings {
    var settings = RedisSettings(name: "fuzz", address: .unix(path: "/"))
    let keys = [RedisKey(key: "a"), RedisKey(database: 1, key: "b")]
    settings.keys.checked = keys + [RedisKey(key: "a*")]
    settings.keys.checkedSingle = keys
    settings.keys.counted = [RedisKey(key: "a*")]
    settings.keys.singleStreams = keys
    settings.keys.groups = ["^(.*):", "(.)(.)"].compactMap { try? LuaPattern($0) }
    settings.queues.celery.names = ["celery", "mails"]
    settings.queues.rq = ["default"]
    settings.queues.sidekiq = ["default"]
    settings.queues.bullmq = ["mails"]
    settings.queues.resque = ["default"]
    settings.queues.lists = [
        RedisQueueOptions.List(keys[0], timestampPath: ["a", "b"]),
        RedisQueueOptions.List(keys[1], isOldestFirst: true),
    ]
    settings.queues.sortedSets = [RedisQueueOptions.TimedKey(keys[0], unitsPerSecond: 1000)]
    settings.queues.streams = keys
    settings.options.includesClientPorts = true
    settings.options.includesSentinelPeers = true
    settings.options.scripts = [RedisServerOptions.Script(fileName: "a.lua", text: "return {}")]
    return settings
}

/// The replies in what a server sends, up to where it makes no sense. The first byte says how it is cut.
func replies(in bytes: UnsafeRawBufferPointer) throws(CollectorError) -> [RedisReply] {
    var replies: [RedisReply] = []
    var reader = try ReplyReader(limit: ReplyLimit(longestValue: 4096, longestPipeline: 65_536))
    let step = max(Int(bytes.first ?? 1), 1)
    var at = min(1, bytes.count)
    do throws(CollectorError) {
        while at < bytes.count {
            let end = min(at + step, bytes.count)
            try reader.feed(UnsafeRawBufferPointer(rebasing: bytes[at..<end]))
            at = end
            while let reply = try reader.next() { if reply != .outOfBand { replies.append(reply) } }
        }
    } catch {
        // A connection that is closed: what came before is used.
    }
    return replies
}

/// One scrape, as the target does it.
///
/// - Parameter answer: What the server answers to a pipeline.
func scrape(_ answer: (Pipeline) -> [RedisReply]) throws(CollectorError) {
    var capabilities = Capabilities()
    var database = 0
    func exchange(_ commands: [RedisCommand]) throws(CollectorError) -> RedisReplies {
        let pipeline = Pipeline(commands, database: database)
        let received = answer(pipeline)
        let outcome = try pipeline.match(received, failure: received.count < pipeline.count ? .late : nil)
        database = outcome.database
        return outcome.replies
    }
    func ask(_ commands: [RedisCommand], of server: RedisFacts) throws(CollectorError) -> RedisReplies {
        let names = capabilities.unknown(among: commands)
        if !names.isEmpty {
            let question = Capabilities.question(about: names, of: server)
            capabilities.learn(names, from: (try? exchange([question])[question]) ?? .null)
        }
        var replies = try exchange(commands.filter { capabilities.refusal(of: $0) == nil })
        for command in commands {
            if let refusal = capabilities.refusal(of: command) { replies.add(refusal, to: command) }
        }
        return replies
    }
    func facts(_ replies: RedisReplies) -> RedisFacts {
        (try? replies.text(.info)).map { RedisFacts(Info($0)) } ?? RedisFacts()
    }

    let collectors = RedisCollectors.all(everything())
    var server = facts(try exchange([RedisCommand("CLIENT SETNAME", "stack-exporter"), .info]))
    capabilities.meet(server)
    var known: Set<RedisCommand> = []
    var answered = RedisReplies()
    let wanted = collectors.map { $0.commands(server) }
    var commands = ([.info] + wanted.joined()).filter { known.insert($0).inserted }
    for _ in 0..<3 where !commands.isEmpty {
        answered.add(try ask(commands, of: server))
        server = facts(answered)
        commands = zip(collectors, wanted).flatMap { collector, wanted in
            wanted.isEmpty ? [] : collector.furtherCommands(answered, server)
        }
        commands = commands.filter { known.insert($0).inserted }
    }
    var families: [MetricFamily] = []
    for (collector, wanted) in zip(collectors, wanted) where !wanted.isEmpty {
        families += collector.result(answered, server).families
    }
    for format in ExpositionFormat.allCases {
        var page: [UInt8] = []
        format.encode(families, into: &page)
    }
}

/// The input as what stands in keys and events: a message, a time, a pattern.
func read(_ bytes: [UInt8]) {
    if let json = JSONText(bytes) { _ = (json.members.count, json.elements.count, json.string, json.number) }
    var tasks = CeleryTasks(RedisQueueOptions.Celery())
    tasks.take(CeleryEvent.decode(bytes))
    _ = tasks.families()
    _ = TimeText.secondsSince1970(bytes[...])
    let text = String(decoding: bytes, as: UTF8.self)
    let half = text.utf8.index(text.startIndex, offsetBy: text.utf8.count / 2)
    if let pattern = try? LuaPattern(String(text[..<half])) { _ = pattern.firstMatch(in: Array(text[half...].utf8)) }
}

/// Scrapes a real server and keeps what it sent.
func record(from socketPath: String, into file: String) throws {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8.prefix(107)) }
    let isConnected = withUnsafeBytes(of: &address) { bytes in
        bytes.baseAddress.map { connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) }
    }
    guard isConnected == 0 else { throw CollectorError(.connection, "nobody listens at \(socketPath)") }
    // The whole of it in one piece.
    var recorded: [UInt8] = [255]
    try scrape { pipeline in
        var request = pipeline.encoded
        let bytes = request.readBytes(length: request.readableBytes) ?? []
        guard pipeline.count > 0, write(descriptor, bytes, bytes.count) == bytes.count,
            var reader = try? ReplyReader()
        else { return [] }
        var received: [RedisReply] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while received.count < pipeline.count {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            recorded += buffer[..<count]
            buffer.withUnsafeBytes { try? reader.feed(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            while let reply = try? reader.next() { received.append(reply) }
        }
        return received
    }
    let output = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    defer { close(output) }
    guard write(output, recorded, recorded.count) == recorded.count else {
        throw CollectorError(.internal, "\(file) cannot be written")
    }
}

if CommandLine.arguments.count == 3, CommandLine.arguments[1].hasPrefix("/") {
    try record(from: CommandLine.arguments[1], into: CommandLine.arguments[2])
    exit(0)
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&count, &arguments) { bytes, size in
        let input = UnsafeRawBufferPointer(start: bytes, count: size)
        if let replies = try? replies(in: input) {
            var rest = replies[...]
            try? scrape { pipeline in
                defer { rest = rest.dropFirst(pipeline.count) }
                return Array(rest.prefix(pipeline.count))
            }
        }
        read(Array(input))
        return 0
    })
