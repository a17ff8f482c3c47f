import Configuration
import Scraping
import Synchronization

/// Checks passwords: one at a time, on a thread of its own, and each pair of name and password once.
///
/// Whether a name is known cannot be told by the time that an answer takes: the password of one that is not is compared
/// with another user's.
final class BasicAuthentication: Sendable {
    enum Verdict {
        case granted, denied
        /// So many wait already that nobody else is compared.
        case busy
    }

    /// How many pairs are remembered, right ones and wrong ones each.
    static let memory = 100
    /// How many requests may wait to be compared.
    static let queueLimit = 32

    private struct State {
        var waiting = 0
        /// Digests of names and passwords. Wrong ones never push right ones out.
        var right: Set<String> = []
        var wrong: Set<String> = []
    }

    private let users: [(name: String, password: WebConfiguration.Password)]
    /// This process's own, so that nobody outside knows what has which digest.
    private let salt = (0..<4).map { _ in UInt64.random(in: .min ... .max) }
    private let state = Mutex(State())
    private let checker: PasswordChecker

    /// - Parameters:
    ///   - users: At least one.
    ///   - checker: What compares.
    init(_ users: [String: WebConfiguration.Password], checker: PasswordChecker = PasswordChecker()) {
        self.users = users.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        self.checker = checker
    }

    /// - Parameter authorization: The request's field; `nil` where there is none.
    func verdict(on authorization: String?) async -> Verdict {
        guard let login = authorization.flatMap(Login.init) else { return .denied }
        let known = users.firstIndex { constantTimeEquals($0.name.utf8, login.name.utf8) }
        let pair = digest(login.name, login.password)
        let (remembered, isBusy) = state.withLock { state -> (Verdict?, Bool) in
            if state.right.contains(pair) { return (.granted, false) }
            if state.wrong.contains(pair) { return (.denied, false) }
            guard state.waiting < Self.queueLimit else { return (nil, true) }
            state.waiting += 1
            return (nil, false)
        }
        if let remembered { return remembered }
        if isBusy { return .busy }
        // Always the same user's for the same name, so that the time of its answers does not change.
        let other = stableIndex(of: login.name)
        let user = users[known ?? other]
        let matches = await checker.matches(login.password, user.password)
        let isGranted = matches == true && known != nil
        state.withLock { state in
            state.waiting -= 1
            guard matches != nil else { return }
            Self.remember(pair, in: isGranted ? \.right : \.wrong, of: &state)
        }
        return isGranted ? .granted : .denied
    }

    private static func remember(_ pair: String, in set: WritableKeyPath<State, Set<String>>, of state: inout State) {
        if state[keyPath: set].count >= memory { state[keyPath: set].removeFirst() }
        state[keyPath: set].insert(pair)
    }

    private func stableIndex(of name: String) -> Int {
        Int(digest(name).prefix(8), radix: 16).map { $0 % users.count } ?? 0
    }

    private func digest(_ parts: String...) -> String {
        var bytes: [UInt8] = []
        for word in salt { withUnsafeBytes(of: word) { bytes += $0 } }
        for part in parts {
            withUnsafeBytes(of: part.utf8.count) { bytes += $0 }
            bytes += part.utf8
        }
        return SHA256(bytes).description
    }
}

/// Compares passwords, one at a time, on a thread that ends with it.
actor PasswordChecker {
    private let executor = ThreadExecutor(name: "passwords")
    /// How often it had to.
    private(set) var count = 0

    /// What it runs on.
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Returns: Whether it is the password; `nil` where nobody waits for the answer any more.
    func matches(_ password: String, _ known: WebConfiguration.Password) -> Bool? {
        guard !Task.isCancelled else { return nil }
        count += 1
        switch known {
        case .bcrypt(let secret):
            guard let hash = try? secret.reveal() else { return nil }
            return Bcrypt().matches(password, hash)
        case .plain(let secret):
            guard let right = try? secret.reveal() else { return nil }
            return constantTimeEquals(Self.digest(password), Self.digest(right))
        }
    }

    /// Of the same length whatever it is of.
    private static func digest(_ text: String) -> String.UTF8View { SHA256(Array(text.utf8)).description.utf8 }
}

/// What a client logs in with.
private struct Login {
    let name: String
    let password: String

    /// - Parameter authorization: `Basic` and, in base64, `name:password`; `nil` comes of anything else.
    init?(_ authorization: String) {
        let words = authorization.split(separator: " ")
        // A zero byte ends a password for crypt(3), which would take what is before it for all of it.
        guard words.count == 2, words[0].lowercased() == "basic", let bytes = Base64.decoded(Array(words[1].utf8)),
            !bytes.contains(0), let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let name = String(validating: bytes[..<colon], as: UTF8.self),
            let password = String(validating: bytes[colon...].dropFirst(), as: UTF8.self)
        else { return nil }
        self.name = name
        self.password = password
    }
}
