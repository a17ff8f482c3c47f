import Configuration
import Glibc
import Scraping
import WebServer

extension Checking {
    /// How long before its end a certificate is to be renewed.
    private static let noticeDays = 14

    /// Whether the certificate that a web configuration file names can be used, and for how long.
    ///
    /// - Throws: Where the file cannot be read or is no YAML.
    static func examineWeb(_ path: String) throws(ConfigurationError) -> Examination {
        guard let files = try TLSFiles.named(in: path) else {
            return Examination(facts: [.init("web config", "\(path), without TLS")])
        }
        var examination = Examination(facts: [.init("web config", "\(path), TLS with \(files.certificate)")])
        let certificate: ServerCertificate
        do {
            certificate = try ServerCertificate(certificate: files.certificate, key: files.key)
        } catch {
            examination.add(Finding(.mend, "\(error)", error.remedies))
            return examination
        }
        let now = time(nil)
        let day = 86_400
        let daysLeft = (certificate.end - now) / day
        examination.facts.append(.init("certificate", "valid until \(date(certificate.end))"))
        let renewal = [Remedy(nil, "renew the certificate in \(files.certificate), with its key in \(files.key)")]
        if certificate.end <= now {
            examination.add(
                Finding(.mend, "the certificate \(files.certificate) expired on \(date(certificate.end))", renewal))
        } else if certificate.start > now {
            examination.add(
                Finding(
                    .mend, "the certificate \(files.certificate) is not valid before \(date(certificate.start))",
                    renewal))
        } else if daysLeft < noticeDays {
            examination.add(
                Finding(.hint, "the certificate \(files.certificate) expires in \(daysLeft) days", renewal))
        }
        return examination
    }

    /// `2026-11-21 19:13 UTC`
    private static func date(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%d %H:%M UTC", &parts)
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
