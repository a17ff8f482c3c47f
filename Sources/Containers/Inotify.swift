import Glibc
import Scraping

/// The kernel's messages about directories that are watched; closed with its owner.
struct Inotify: ~Copyable {
    /// What happened in a directory since the last look.
    enum Event {
        /// A directory in it came, went or was renamed.
        case directory(name: String)
        /// A file in it was written to, or the kernel says that it changed.
        case written(file: String)
        /// The watch is no more.
        case ended
        /// There were more events than the kernel keeps.
        case overflow
    }

    private static let wanted = UInt32(
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ONLYDIR | IN_DONT_FOLLOW)

    private let descriptor: CInt
    private var buffer = [UInt8](repeating: 0, count: 16 * 1024)

    /// - Throws: Where this user has all the instances already that it may have.
    init() throws(SystemError) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError() }
    }

    deinit {
        close(descriptor)
    }

    /// Watches a directory.
    ///
    /// - Returns: The number by which its events are told.
    /// - Throws: `ENOSPC` where this user has all the watches already that it may have.
    func watch(_ path: String) throws(SystemError) -> CInt {
        let watch = inotify_add_watch(descriptor, path, Self.wanted)
        guard watch >= 0 else { throw SystemError() }
        return watch
    }

    /// Ends a watch. Removing a cgroup's directory does not, up to Linux 6.18.
    func end(_ watch: CInt) {
        _ = inotify_rm_watch(descriptor, watch)
    }

    /// Hands out what happened since the last call, with the number of the watch; never waits.
    mutating func take(_ body: (CInt, Event) -> Void) {
        while true {
            let length = read(descriptor, &buffer, buffer.count)
            if length < 0, errno == EINTR { continue }
            guard length > 0 else { return }
            buffer.withUnsafeBytes { bytes in
                var position = 0
                // watch, mask, cookie and the name's length, each of 4 bytes, and the name, filled up with zeros
                while position + 16 <= length {
                    let watch = bytes.loadUnaligned(fromByteOffset: position, as: CInt.self)
                    let mask = bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
                    let nameLength = Int(bytes.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
                    position += 16
                    let name = bytes[position..<min(position + nameLength, length)].prefix { $0 != 0 }
                    position += nameLength
                    if let event = Self.event(mask, name) { body(watch, event) }
                }
            }
        }
    }

    private static func event(_ mask: UInt32, _ name: Slice<UnsafeRawBufferPointer>) -> Event? {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 { return .overflow }
        if mask & UInt32(IN_IGNORED) != 0 { return .ended }
        if mask & UInt32(IN_ISDIR) != 0 { return .directory(name: String(decoding: name, as: UTF8.self)) }
        return mask & UInt32(IN_MODIFY) != 0 ? .written(file: String(decoding: name, as: UTF8.self)) : nil
    }
}
