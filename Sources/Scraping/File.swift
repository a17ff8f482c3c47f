import CLinux
public import Glibc

/// Why a system call failed.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// As in `errno.h`.
    public let code: CInt

    /// A failure by its code, by default that of the call just made on this thread.
    public init(_ code: CInt = errno) {
        self.code = code
    }

    /// The system's words for it: `No such file or directory`.
    public var description: String {
        guard let text = clinux_describe_error(code) else { return "error \(code)" }
        return String(cString: text)
    }
}

/// An open file or directory, closed when its owner goes.
public struct File: ~Copyable {
    /// What system calls take.
    public let descriptor: CInt

    /// Opens for reading.
    ///
    /// - Parameter flags: Further `open(2)` flags, such as `O_DIRECTORY`.
    public init(_ path: String, flags: CInt = 0) throws(SystemError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC | flags)
        guard descriptor >= 0 else { throw SystemError() }
    }

    /// Opens for reading, by a path below an open directory.
    public init(_ path: String, in directory: borrowing File, flags: CInt = 0) throws(SystemError) {
        descriptor = openat(directory.descriptor, path, O_RDONLY | O_CLOEXEC | flags)
        guard descriptor >= 0 else { throw SystemError() }
    }

    deinit {
        close(descriptor)
    }

    /// Reads from the start, also when it has been read before: the kernel makes the content of its files anew.
    ///
    /// - Parameters:
    ///   - buffer: Where the bytes go; what was there is replaced.
    ///   - limit: The most bytes to read; what is beyond is left out.
    public func read(into buffer: inout [UInt8], limit: Int) throws(SystemError) {
        buffer.removeAll(keepingCapacity: true)
        while buffer.count < limit {
            let start = buffer.count
            let wanted = min(limit - start, 16 * 1024)
            buffer.append(contentsOf: repeatElement(0, count: wanted))
            let count = buffer.withUnsafeMutableBytes { bytes in
                pread(descriptor, bytes.baseAddress?.advanced(by: start), wanted, off_t(start))
            }
            buffer.removeLast(wanted - max(count, 0))
            if count == 0 { return }
            if count < 0, errno != EINTR { throw SystemError() }
        }
    }

    /// The content of a file, up to `limit` bytes.
    public static func contents(of path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        let file = try File(path)
        var bytes: [UInt8] = []
        try file.read(into: &bytes, limit: limit)
        return bytes
    }
}
