import CCrypt
import Glibc

/// What `crypt(3)` works in, wiped and freed when its owner goes: 32 KiB, too much for a thread's small stack.
struct Bcrypt: ~Copyable {
    private let memory: UnsafeMutablePointer<crypt_data>

    init() {
        memory = .allocate(capacity: 1)
        memset(memory, 0, MemoryLayout<crypt_data>.size)
    }

    deinit {
        explicit_bzero(memory, MemoryLayout<crypt_data>.size)
        memory.deallocate()
    }

    /// Whether a password is the one that the hash was made of. It takes as long as the hash's cost says, and as long for a
    /// wrong one as for the right one.
    ///
    /// - Parameter password: Without zero bytes, which end it for `crypt(3)`.
    func matches(_ password: String, _ hash: String) -> Bool {
        guard let result = crypt_r(password, hash, memory) else { return false }
        return constantTimeEquals(String(cString: result).utf8, hash.utf8)
    }
}

/// Whether both are the same, in a time that only their lengths say anything about.
func constantTimeEquals(_ one: some Collection<UInt8>, _ other: some Collection<UInt8>) -> Bool {
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
