import Glibc
import Scraping

/// A file that somebody else writes, and that may be anything by now.
enum RegularFile {
    /// Which file it is and when it was last written: another value is another content.
    struct Stamp: Equatable {
        private let device: UInt64
        private let inode: UInt64
        private let size: Int
        private let seconds: Int
        private let nanoseconds: Int

        /// - Returns: `nil` where it is not there or cannot be looked at.
        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int(status.st_size)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
        }
    }

    /// The content; `nil` where it is longer than `limit`, cannot be read, or is a link, a pipe or a device, whose
    /// reading might never end.
    static func contents(of path: String, limit: Int = 1 << 20) -> [UInt8]? {
        guard let file = try? File(path, flags: O_NONBLOCK | O_NOFOLLOW) else { return nil }
        var status = stat()
        guard fstat(file.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            return nil
        }
        var bytes: [UInt8] = []
        guard (try? file.read(into: &bytes, limit: limit + 1)) != nil, bytes.count <= limit else { return nil }
        return bytes
    }

    /// The JSON value that a file consists of.
    static func json(_ path: String, limit: Int = 1 << 20) -> JSONText? {
        contents(of: path, limit: limit).flatMap { JSONText($0) }
    }

    /// The process that a file names by its number.
    static func processID(_ path: String) -> Int? {
        guard let bytes = contents(of: path, limit: 16), !bytes.isEmpty else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let number = Int(text.between("", "\n") ?? text), number > 0 else { return nil }
        return number
    }
}
