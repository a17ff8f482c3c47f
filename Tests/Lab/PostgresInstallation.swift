import Foundation

/// The programs of a PostgreSQL of one major version.
struct PostgresInstallation {
    let version: Int
    /// Where its `bin`, `lib` and `share` are.
    let directory: URL
    /// Whether every user may read it. What `make test` has fetched lies in the repository, which may be root's alone.
    let isPublic: Bool

    /// One of each version: those that `make test` has fetched, and what Debian has of others.
    static let all: [PostgresInstallation] = {
        let fetched = ProcessInfo.processInfo.environment["POSTGRES_VERSIONS"].map { found(in: $0, isPublic: false) }
        let both = (fetched ?? []) + debian
        return Dictionary(both.map { ($0.version, $0) }) { first, _ in first }.values.sorted { $0.version < $1.version }
    }()

    /// Debian's, in rising order.
    private static let debian = found(in: "/usr/lib/postgresql", isPublic: true)

    private static func found(in directory: String, isPublic: Bool) -> [PostgresInstallation] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let versions = names.compactMap { name in
            Int(name).map { version in
                PostgresInstallation(
                    version: version, directory: URL(fileURLWithPath: "\(directory)/\(name)"), isPublic: isPublic)
            }
        }
        return versions.sorted { $0.version < $1.version }
    }

    /// The one of a version, or Debian's newest.
    static func of(version: Int?) throws -> PostgresInstallation {
        guard let version else {
            if let newest = debian.last { return newest }
            throw LabError("PostgreSQL is not installed; `make test` installs it")
        }
        if let one = all.first(where: { $0.version == version }) { return one }
        throw LabError("there is no PostgreSQL \(version); `make test` fetches it")
    }
}
