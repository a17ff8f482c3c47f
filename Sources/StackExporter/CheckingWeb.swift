import Configuration
import Glibc
import Scraping
import WebServer

extension Checking {
    /// How long before its end a certificate is to be renewed.
    private static let noticeDays = 14

    /// Whether connections can be encrypted as it is configured, and for how long.
    static func examineWeb(_ settings: WebSettings) -> Examination {
        let file = settings.configurationFile.map { "\($0), " } ?? ""
        guard let tls = settings.configuration.tls else {
            return Examination(facts: file.isEmpty ? [] : [.init("web config", "\(file)without TLS")])
        }
        let place = tls.certificate.path ?? "the configuration"
        var examination = Examination(facts: [.init("web config", "\(file)TLS with \(place)")])
        let certificate: ServerCertificate
        do {
            certificate = try ServerCertificate(tls)
        } catch {
            examination.add(Finding(.mend, "\(error)", error.remedies))
            return examination
        }
        let now = time(nil)
        let day = 86_400
        let daysLeft = (certificate.end - now) / day
        examination.facts.append(.init("certificate", "valid until \(date(certificate.end))"))
        let renewal = [Remedy(nil, "renew the certificate in \(place), with its key in \(tls.key.path ?? place)")]
        if certificate.end <= now {
            examination.add(
                Finding(.mend, "the certificate \(place) expired on \(date(certificate.end))", renewal))
        } else if certificate.start > now {
            examination.add(
                Finding(
                    .mend, "the certificate \(place) is not valid before \(date(certificate.start))",
                    renewal))
        } else if daysLeft < noticeDays {
            examination.add(
                Finding(.hint, "the certificate \(place) expires in \(daysLeft) days", renewal))
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
