import Foundation

/// Starts a program found by `PATH`, with no signal blocked or ignored: Foundation's `Process` hands on what its thread
/// blocks, which makes a shell deaf to the end of its children.
///
/// - Parameters:
///   - files: What its standard input, output and error are.
///   - environment: Its variables.
///   - inGroupOfItsOwn: Whether signals to this process's group, as by Ctrl-C, leave it alone.
func spawn(
    _ command: [String], files: [CInt], environment: Variables = .added([:]), inGroupOfItsOwn: Bool = false
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, file) in files.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, file, CInt(target))
    }
    // A connection that another test closes would stay open in the child.
    _ = closeFrom?(&actions, CInt(files.count))
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    // A group by its own number, which is what 0 stands for.
    let group = inGroupOfItsOwn ? POSIX_SPAWN_SETPGROUP : 0
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))

    let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let settings: [UnsafeMutablePointer<CChar>?] = environment.all.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in arguments + settings { free(text) } }
    var pid = pid_t()
    let status = posix_spawnp(&pid, command[0], &actions, &attributes, arguments, settings)
    guard status == 0 else { throw LabError("\(command[0]): \(String(cString: strerror(status)))") }
    return pid
}

/// glibc's `posix_spawn_file_actions_addclosefrom_np`, which is not among the declarations that Swift sees.
private let closeFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
    unsafeBitCast($0, to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt).self)
}

/// The variables that a program is started with.
public enum Variables: Sendable {
    /// These and this process's own.
    case added([String: String])
    /// These, and of this process's own only those by which programs and temporary files are found: nothing that the
    /// person who runs the tests has set is read by accident.
    case only([String: String])

    fileprivate var all: [String: String] {
        let own = ProcessInfo.processInfo.environment
        return switch self {
        case .added(let variables): own.merging(variables) { $1 }
        case .only(let variables): own.filter { ["PATH", "TMPDIR"].contains($0.key) }.merging(variables) { $1 }
        }
    }
}

/// Waits for a child's end.
///
/// - Returns: Its exit status, or 128 and the signal that killed it.
@discardableResult
func reap(_ pid: pid_t) -> CInt {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return exitStatus(of: status)
}

/// The same without waiting.
///
/// - Returns: `nil` where the child goes on.
func reapIfEnded(_ pid: pid_t) -> CInt? {
    var status: CInt = 0
    return waitpid(pid, &status, WNOHANG) == pid ? exitStatus(of: status) : nil
}

private func exitStatus(of status: CInt) -> CInt {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
}
