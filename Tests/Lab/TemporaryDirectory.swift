public import Foundation
import Synchronization

/// A directory of a test's own, which everybody may enter and which goes with this object.
public final class TemporaryDirectory: Sendable {
    /// What it is made in.
    public enum Place {
        /// Where temporary files usually are.
        case usual
        /// Where many directories are made quickly, but where no disk is mounted.
        case memory
        /// On a disk, where `/tmp` may be in memory: what is written there is disk io.
        case disk
    }

    /// Where it is: `/tmp/redis-1a2b3c4d`, since the path of a socket in it has at most 107 bytes.
    public let url: URL
    /// The same as text.
    public let path: String

    /// Those that are there. What a static property holds is not released, and goes when the process ends.
    private static let paths: Mutex<Set<String>> = {
        atexit { for path in TemporaryDirectory.paths.withLock({ $0 }) { TemporaryDirectory.remove(path) } }
        return Mutex([])
    }()

    /// - Parameter name: What people know it by, in front of a number.
    public init(_ name: String, in place: Place = .usual) {
        let parent =
            switch place {
            case .usual: FileManager.default.temporaryDirectory.path
            case .memory: "/dev/shm"
            case .disk: "/var/tmp"
            }
        path = "\(parent)/\(name)-\(UUID().uuidString.prefix(8).lowercased())"
        url = URL(filePath: path, directoryHint: .isDirectory)
        guard mkdir(path, 0o755) == 0, chmod(path, 0o755) == 0 else {
            fatalError("\(path): \(String(cString: strerror(errno)))")
        }
        Self.paths.withLock { _ = $0.insert(path) }
    }

    deinit {
        Self.paths.withLock { _ = $0.remove(path) }
        Self.remove(path)
    }

    private static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in it, which need not be there.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// What is in a file; nothing where there is no such file.
    public func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path(name)) ?? Data(), as: UTF8.self)
    }

    /// Writes a file, or writes it anew in its place, and makes the directories above it.
    ///
    /// - Returns: Its path.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        let file = URL(filePath: path(name))
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
        return file.path
    }

    /// Removes a file, or a directory with all that is in it.
    public func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path(name))
    }
}
