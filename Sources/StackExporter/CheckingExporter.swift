import Configuration
import Glibc
import NIOCore
import NIOPosix
import Scraping

extension Checking {
    /// What is known of the exporter itself: where it would listen, as whom, with what.
    ///
    /// - Throws: Where a file of the web server's is malformed.
    static func examine(
        _ settings: Settings, group: any EventLoopGroup
    ) async throws -> Examination {
        var examination = Examination(facts: [
            .init("user", "\(geteuid()), group \(getegid())"),
            .init("listens on", settings.web.addresses.map(\.description).joined(separator: ", ")),
            .init("descriptors", "\(DescriptorLimit.current)"),
        ])
        for address in settings.web.addresses {
            if let finding = await obstacle(to: address, group: group) { examination.add(finding) }
        }
        let web = examineWeb(settings.web)
        examination.facts += web.facts
        for finding in web.findings { examination.add(finding) }
        return examination
    }

    /// What keeps an exporter from listening there.
    private static func obstacle(to address: ListenAddress, group: any EventLoopGroup) async -> Finding? {
        switch address {
        case .tcp(let host, let port):
            do {
                let bootstrap = ServerBootstrap(group: group)
                    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                // A number goes to no resolver, which may not know what can be listened on.
                let channel =
                    if let number = try? SocketAddress(ipAddress: host.isEmpty ? "::" : host, port: port) {
                        try await bootstrap.bind(to: number).get()
                    } else {
                        try await bootstrap.bind(host: host, port: port).get()
                    }
                try await channel.close()
                return nil
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                return Finding(.hint, "somebody listens on \(address) already, probably the exporter that runs")
            } catch let error as IOError where host.isEmpty && [EAFNOSUPPORT, EADDRNOTAVAIL].contains(error.errnoCode) {
                return nil
            } catch {
                let reason =
                    (error as? IOError).map { SystemError($0.errnoCode).description } ?? "it is no address here"
                return Finding(
                    .mend, "nobody can listen on \(address): \(reason)",
                    [Remedy(Remedy.flags, "--web.listen-address=<another one>")])
            }
        case .unix(let path):
            let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "/"
            guard access(directory, W_OK | X_OK) != 0 else { return nil }
            return Finding(
                .mend, "no socket can be made in \(directory): \(SystemError())",
                [Remedy("sh", "install -d -o \(geteuid()) -g \(getegid()) \(directory.quotedForShell)")])
        case .inherited: return nil
        }
    }
}
