import Glibc
import Scraping

/// What is asked of directories, which ``File`` has no words for.
enum Directory {
    /// Identity and size of a directory.
    struct Status {
        /// On v2 the cgroup's id; another one under the same path is another cgroup.
        let inode: UInt64
        /// In a cgroup hierarchy 2 + the number of children; below 2 on file systems that do not count.
        let links: Int
        /// Seconds since 1970.
        let modified: Int

        /// `nil` where there is no such directory, or not any more.
        init?(of path: String, in root: borrowing File) {
            var status = stat()
            guard fstatat(root.descriptor, path, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFDIR, status.st_nlink > 0
            else { return nil }
            inode = UInt64(status.st_ino)
            links = Int(status.st_nlink)
            modified = status.st_mtim.tv_sec
        }
    }

    /// Whether a path leads to a directory that is open, and not to another one that came in its place.
    static func leads(_ path: String, to directory: borrowing File) -> Bool {
        var (named, opened) = (stat(), stat())
        return stat(path, &named) == 0 && fstat(directory.descriptor, &opened) == 0
            && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino
    }

    /// The names of all entries but `.` and `..`, in no order.
    static func names(in path: String) throws(SystemError) -> [String] {
        try names(of: opendir(path)) { _ in true }
    }

    /// The names of the directories below `path`, in no order.
    static func subdirectories(of path: String, in root: borrowing File) throws(SystemError) -> [String] {
        let descriptor = openat(root.descriptor, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError() }
        guard let stream = fdopendir(descriptor) else {
            let error = SystemError()
            close(descriptor)
            throw error
        }
        // A file system that does not tell the type leaves it to the later `fstatat`.
        return try names(of: stream) { $0 == UInt8(DT_DIR) || $0 == UInt8(DT_UNKNOWN) }
    }

    /// Reads and closes the stream.
    private static func names(
        of stream: OpaquePointer?,
        where isWanted: (UInt8) -> Bool
    ) throws(SystemError) -> [String] {
        guard let stream else { throw SystemError() }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard isWanted(entry.pointee.d_type) else { continue }
            // What is no UTF-8 cannot be a label, nor be opened by a name that was made one.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let name, name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
