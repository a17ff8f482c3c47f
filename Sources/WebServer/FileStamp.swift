import Glibc

/// By what a file is seen to have changed, without reading it.
struct FileStamp: Equatable {
    private let inode: UInt64
    private let size: Int64
    private let modified: timespec

    /// - Returns: `nil` where there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = status.st_mtim
    }

    /// Whether it was left alone for a second, so that nobody is in the middle of writing it; also where its time is one
    /// that the clock has not reached.
    var isSettled: Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let age = Double(now.tv_sec - modified.tv_sec) + Double(now.tv_nsec - modified.tv_nsec) / 1e9
        return age < 0 || age >= 1
    }

    static func == (one: FileStamp, other: FileStamp) -> Bool {
        one.inode == other.inode && one.size == other.size && one.modified.tv_sec == other.modified.tv_sec
            && one.modified.tv_nsec == other.modified.tv_nsec
    }
}
