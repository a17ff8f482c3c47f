import Glibc
import Scraping

/// A process that stands for its container: the first of it, as far as that can be told.
///
/// The descriptor of its directory in `/proc` is the process itself: when it has ended, nothing is found below it any
/// more, also when its number is another's. It keeps nothing else alive, unlike one of `/proc/<pid>/net/dev`, which
/// would hold the network namespace, and with it the host's end of a container's cable.
final class ContainerProcess {
    /// As `/proc` numbers it.
    let id: UInt32
    /// When it started, in ticks since the machine did; together with the number it is unique.
    let start: Double
    /// Its network namespace, by the inode of its `net/dev`. That of `ns/net` is the better known one, and only told to
    /// those who may trace the process.
    let network: UInt64
    /// `nil` where no descriptor was to spare.
    fileprivate let directory: KeptDescriptor?

    fileprivate init(id: UInt32, start: Double, network: UInt64, directory: KeptDescriptor?) {
        self.id = id
        self.start = start
        self.network = network
        self.directory = directory
    }
}

/// What `/proc` tells of the processes of containers.
///
/// Used by one thread only: the target's.
final class ProcessFiles {
    /// What came of looking for a container's process.
    enum Search {
        case found(ContainerProcess)
        /// It has none, or not any more.
        case none
        /// It may have some, but not in our PID namespace.
        case invisible
    }

    /// What is longer is cut.
    private static let maximumLength = 1 << 20
    /// The kernel fills a page, 4 KiB or more, as long as another line fits; what is shorter by more than any line has
    /// come to the end.
    private static let pageLength = 4096
    private static let maximumLineLength = 1024
    /// How many of a cgroup's processes are looked at to find the first.
    private static let maximumCandidates = 64

    /// Where `/proc` is mounted.
    let root: CgroupReader.Root
    private let cgroups: CgroupReader.Root
    private let isV2: Bool
    private let budget: DescriptorBudget
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    private var numbersAreOurs: Bool?
    private var isHosts: Bool?

    /// - Parameters:
    ///   - root: Where `/proc` is mounted.
    ///   - cgroups: The hierarchy in which containers are looked for.
    ///   - isV2: Whether that is v2's.
    ///   - budget: For the processes that are kept.
    init(_ root: CgroupReader.Root, cgroups: CgroupReader.Root, isV2: Bool, budget: DescriptorBudget) {
        self.root = root
        self.cgroups = cgroups
        self.isV2 = isV2
        self.budget = budget
    }

    // MARK: Files

    /// - Returns: `nil` where it is not there, or not for us.
    /// - Throws: Where the exporter has no file descriptor or memory left.
    func open(_ path: String, in directory: borrowing File, flags: CInt = 0) throws(CollectorError) -> File? {
        do {
            return try File(path, in: directory, flags: flags)
        } catch {
            guard !error.isShortage else {
                throw CollectorError(.internal, "a file of a process cannot be read: \(error)")
            }
            return nil
        }
    }

    /// Reads a file that the kernel makes a page at a time, which a cgroup's list of processes is too.
    ///
    /// - Returns: Whether it could be read to its end.
    func read(_ file: borrowing File, _ body: (Span<UInt8>) -> Void) -> Bool {
        var length = 0
        while length < Self.maximumLength {
            if buffer.count - length < Self.pageLength {
                buffer.append(contentsOf: repeatElement(0, count: buffer.count))
            }
            let count = buffer.withUnsafeMutableBytes {
                pread(file.descriptor, $0.baseAddress?.advanced(by: length), $0.count - length, off_t(length))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            length += count
            if count < Self.pageLength - Self.maximumLineLength { break }
        }
        let text = buffer
        let whole = text.span.extracting(first: length)
        body(whole.extracting(first: whole.lengthOfLines))
        return true
    }

    /// Reads a file by its path below `/proc`.
    func read(_ path: String, _ body: (Span<UInt8>) -> Void) throws(CollectorError) -> Bool {
        guard let file = try open(path, in: root.directory) else { return false }
        return read(file, body)
    }

    /// Does something with the directory of a process.
    ///
    /// - Returns: `nil` where the process has ended.
    private func withDirectory<Result>(
        of process: ContainerProcess, _ body: (borrowing File) throws(CollectorError) -> Result?
    ) throws(CollectorError) -> Result? {
        if let kept = process.directory { return try body(kept.file) }
        guard let directory = try open("\(process.id)", in: root.directory, flags: O_DIRECTORY),
            try start(ofProcessIn: directory) == process.start
        else { return nil }
        return try body(directory)
    }

    // MARK: A container's process

    /// The process that stands for a cgroup, looked for where none is known.
    func process(of cgroup: Cgroup) throws(CollectorError) -> Search {
        if let known = cgroup.process { return .found(known) }
        if let id = cgroup.details?.processID.flatMap(UInt32.init(exactly:)),
            let process = try process(
                id,
                where: { (directory) throws(CollectorError) in
                    try self.isProcess(in: directory, of: cgroup)
                })
        {
            cgroup.process = process
            return .found(process)
        }
        guard try areNumbersOurs() else { return .invisible }
        let search = try firstProcess(of: cgroup)
        switch search {
        case .found(let process): cgroup.process = process
        case .none: if try mayLeaveOut() { return .invisible }
        case .invisible: break
        }
        return search
    }

    /// Whether a list without processes may be of a cgroup that has some: v2 lists those of other PID namespaces as 0, v1
    /// not at all.
    func mayLeaveOut() throws(CollectorError) -> Bool {
        isV2 ? false : try !isOfHost()
    }

    /// Looks in the cgroup, and where it has no processes of its own in those below it that are no containers: crun has
    /// them in one named `container`, a container with systemd or Docker in it in `init.scope` or `init`.
    private func firstProcess(of cgroup: Cgroup) throws(CollectorError) -> Search {
        let candidates = try processes(of: cgroup)
        if candidates.contains(0) { return .invisible }
        var first: (start: Double, id: UInt32)?
        for id in candidates.prefix(Self.maximumCandidates) {
            guard let directory = try open("\(id)", in: root.directory, flags: O_DIRECTORY),
                let start = try start(ofProcessIn: directory)
            else { continue }
            if let known = first, (known.start, known.id) <= (start, id) { continue }
            first = (start, id)
        }
        if let first {
            // What was a process of this cgroup when it was listed may have ended, and its number be another's.
            let process = try process(
                first.id,
                where: { (_) throws(CollectorError) in
                    try self.processes(of: cgroup).contains(first.id)
                })
            return process.map(Search.found) ?? .none
        }
        for child in cgroup.children where !child.isGone && child.container == nil {
            let search = try firstProcess(of: child)
            if case .none = search { continue }
            return search
        }
        return .none
    }

    private func process(
        _ id: UInt32, where isRight: (borrowing File) throws(CollectorError) -> Bool
    ) throws(CollectorError) -> ContainerProcess? {
        guard let directory = try open("\(id)", in: root.directory, flags: O_DIRECTORY), try isRight(directory),
            let start = try start(ofProcessIn: directory), let network = network(ofProcessIn: directory)
        else { return nil }
        return ContainerProcess(id: id, start: start, network: network, directory: budget.keep(directory))
    }

    /// The processes of a cgroup itself; on v2 0 stands for each that is not in our PID namespace.
    func processes(of cgroup: Cgroup) throws(CollectorError) -> [UInt32] {
        var ids: [UInt32] = []
        guard let file = try open("\(cgroup.relativePath)/cgroup.procs", in: cgroups.directory) else { return [] }
        _ = read(file) { text in
            var lines = CgroupLines()
            repeat {
                if let id = text.integer(lines.word(of: text)) { ids.append(id) }
            } while lines.next(in: text)
        }
        return ids
    }

    /// Whether `/proc/<pid>/cgroup` names the cgroup or one below it. The path before its name depends on the cgroup
    /// namespaces of both sides, the name does not.
    private func isProcess(in directory: borrowing File, of cgroup: Cgroup) throws(CollectorError) -> Bool {
        guard let name = cgroup.components.last.map({ Array($0.utf8) }),
            let file = try open("cgroup", in: directory)
        else { return false }
        var isMember = false
        _ = read(file) { text in
            var start = 0
            for end in text.indices
            where text[end] == UInt8(ascii: "/") || text[end] == UInt8(ascii: "\n") {
                if text.holds(name, at: start..<end) { isMember = true }
                start = end + 1
            }
        }
        return isMember
    }

    /// `stat: starttime` of a process that goes on.
    private func start(ofProcessIn directory: borrowing File) throws(CollectorError) -> Double? {
        guard let file = try open("stat", in: directory) else { return nil }
        var start: Double?
        _ = read(file) { text in
            // The program's name stands in parentheses and may hold anything, these too.
            guard let end = text.indices.last(where: { text[$0] == UInt8(ascii: ")") }) else { return }
            let text = text.extracting(droppingFirst: end + 1)
            var words = CgroupLines()
            let state = words.word(of: text)
            guard !state.isEmpty, ![UInt8(ascii: "Z"), UInt8(ascii: "X")].contains(text[state.lowerBound]) else {
                return
            }
            for _ in 4..<22 { _ = words.word(of: text) }
            start = text.number(words.word(of: text))
        }
        return start
    }

    /// Whether this `/proc` numbers processes as cgroups do for us. Where the host's is mounted in a container that has
    /// a PID namespace of its own, it does not.
    private func areNumbersOurs() throws(CollectorError) -> Bool {
        if let numbersAreOurs { return numbersAreOurs }
        let key = Array("NSpid:".utf8)
        var count = 0
        let isThere = try read("self/status") { text in
            var lines = CgroupLines()
            repeat {
                guard text.holds(key, at: lines.word(of: text)) else { continue }
                // One for each namespace from that of `/proc` to our own; none before Linux 4.1.
                while !lines.word(of: text).isEmpty { count += 1 }
            } while lines.next(in: text)
        }
        let result = isThere && count <= 1
        numbersAreOurs = result
        return result
    }

    // MARK: Networks

    /// Reads `net/dev` of the first process there is, the host's where this `/proc` is.
    ///
    /// - Returns: Its network namespace; `nil` where that process is hidden from us.
    func readFirstNetwork(_ body: (Span<UInt8>) -> Void) throws(CollectorError) -> UInt64? {
        guard let file = try open("1/net/dev", in: root.directory), read(file, body) else { return nil }
        return inode(of: file)
    }

    /// Reads `net/dev` of a process.
    ///
    /// - Returns: Whether it is still there, and in the network namespace it was found in: those who make containers
    ///   change theirs in their first moments.
    func readNetwork(of process: ContainerProcess, _ body: (Span<UInt8>) -> Void) throws(CollectorError) -> Bool {
        try withDirectory(of: process) { (directory) throws(CollectorError) in
            guard let file = try self.open("net/dev", in: directory), self.inode(of: file) == process.network else {
                return nil
            }
            return self.read(file, body)
        } ?? false
    }

    /// The same without reading.
    func isCurrent(_ process: ContainerProcess) throws(CollectorError) -> Bool {
        try withDirectory(of: process) { directory in self.network(ofProcessIn: directory) } == process.network
    }

    private func network(ofProcessIn directory: borrowing File) -> UInt64? {
        var status = stat()
        return fstatat(directory.descriptor, "net/dev", &status, 0) == 0 ? UInt64(status.st_ino) : nil
    }

    private func inode(of file: borrowing File) -> UInt64? {
        var status = stat()
        return fstat(file.descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Whether this `/proc` is the host's: kernel threads are seen nowhere else.
    func isOfHost() throws(CollectorError) -> Bool {
        if let isHosts { return isHosts }
        let name = Array("(kthreadd)".utf8)
        var result = false
        _ = try read("2/stat") { text in
            var words = CgroupLines()
            _ = words.word(of: text)
            result = text.holds(name, at: words.word(of: text))
        }
        isHosts = result
        return result
    }

    // MARK: Limits

    /// How many files a process may have open; -1 for no limit.
    func openFilesLimit(of process: ContainerProcess) throws(CollectorError) -> Double? {
        let prefix = Array("Max open files ".utf8)
        let unlimited = Array("unlimited".utf8)
        return try withDirectory(of: process) { (directory) throws(CollectorError) in
            var limit: Double?
            guard let file = try self.open("limits", in: directory) else { return nil }
            _ = self.read(file) { text in
                var lines = CgroupLines()
                repeat {
                    guard lines.skip(prefix, of: text) else { continue }
                    let word = lines.word(of: text)
                    limit = text.holds(unlimited, at: word) ? -1 : text.number(word)
                } while lines.next(in: text)
            }
            return limit
        }
    }
}
