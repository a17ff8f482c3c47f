import Exposition
import Glibc
import Scraping

/// The size of the file that the data is saved to. It is looked at in the file system, so only where the server is
/// reached by a socket or a loopback address; elsewhere a file of that name would be another server's.
struct RDBFileCollector: RedisCollector {
    let name = "redis_rdb_file"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { [Self.size] }

    private static let size = CatalogueEntry(
        "redis_rdb_current_size_bytes", .gauge, "Bytes of the RDB file; absent where there is none yet",
        source: "the file that CONFIG GET dir and dbfilename name")

    private let configuration: ConfigurationQuestion
    private let isHere: Bool

    init(_ settings: RedisSettings) {
        configuration = ConfigurationQuestion(["dir", "dbfilename"], settings.options)
        isHere = settings.address.isHere
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { isHere ? configuration.commands(server) : [] }

    func rights(_ server: RedisFacts) -> RedisRights { RedisRights(of: commands(server)) }

    func families(_ replies: RedisReplies, _ server: RedisFacts) throws(CollectorError) -> [MetricFamily] {
        let values = try configuration.values(replies, server)
        guard let directory = values["dir"], let name = values["dbfilename"] else { return [] }
        var status = stat()
        guard stat("\(directory[...].text)/\(name[...].text)", &status) == 0 else {
            let error = SystemError()
            if error.code == ENOENT || error.code == ENOTDIR { return [] }
            throw CollectorError(
                error.code == EACCES ? .permission : .internal,
                "the RDB file cannot be looked at: \(error); the exporter's user has to be let into its directory")
        }
        return [MetricFamily(Self.size.descriptor, Double(status.st_size))]
    }
}

extension RedisSettings.Address {
    fileprivate var isHere: Bool {
        guard let host else { return true }
        let isNumeric = host.utf8.allSatisfy { 48...57 ~= $0 || $0 == UInt8(ascii: ".") }
        return host == "localhost" || host == "::1" || isNumeric && host.hasPrefix("127.")
    }
}
