import Glibc
import NIOCore

/// Something else is in a socket's place.
struct NoSocketError: Error {}

/// - Throws: Where something else is in a socket's place.
func checkIsSocket(_ path: String) throws(NoSocketError) {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFSOCK { throw NoSocketError() }
}

/// Binds a unix socket that nobody can connect to yet, so that there is no moment in which its file has other permissions
/// than those that were asked for.
///
/// - Parameters:
///   - path: Short enough for `sockaddr_un`.
///   - mode: Permissions; `nil` for those that the umask leaves.
/// - Returns: Its descriptor.
/// - Throws: Where it cannot be bound, or its permissions set.
func boundUnixSocket(_ path: String, mode: mode_t?) throws(IOError) -> CInt {
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "socket") }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let status = withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard status == 0, mode.map({ chmod(path, $0) }) ?? 0 == 0 else {
        let code = errno
        if status == 0 { unlink(path) }
        close(descriptor)
        throw IOError(errnoCode: code, reason: "bind")
    }
    return descriptor
}
