import Exposition
import Scraping

/// When the certificates of Valkey's TLS run out, from 9.1 on.
enum InfoCertificates {
    private static let info = CatalogueEntry(
        "redis_tls_certificate_info", .gauge, "Always 1; a certificate that the server uses, by its serial number",
        labels: ["certificate", "serial"], source: "INFO tls_<certificate>_cert_serial", versions: "Valkey 9.1+")

    private static let certificates:
        [(name: String, serial: StaticString, time: StaticString, expiry: CatalogueEntry)] = [
            expiry(
                "server", "tls_server_cert_serial", "tls_server_cert_expires_in_seconds",
                "Seconds until the server's certificate runs out"),
            expiry(
                "client", "tls_client_cert_serial", "tls_client_cert_expires_in_seconds",
                "Seconds until the certificate runs out that the server shows other servers"),
            expiry(
                "ca", "tls_ca_cert_serial", "tls_ca_cert_expires_in_seconds",
                "Seconds until the authority's certificate runs out"),
        ]

    private static func expiry(
        _ name: String, _ serial: StaticString, _ time: StaticString, _ meaning: String
    ) -> (String, StaticString, StaticString, CatalogueEntry) {
        let entry = CatalogueEntry(
            "redis_\(time)", .gauge, meaning, source: "INFO \(time)", versions: "Valkey 9.1+")
        return (name, serial, time, entry)
    }

    static let metrics = [info] + certificates.map(\.expiry)

    /// Where there is no certificate, its serial number is `none` and its time 0.
    static func families(_ info: Info) -> [MetricFamily] {
        var known = MetricFamily(self.info.descriptor)
        var families: [MetricFamily] = []
        for certificate in certificates {
            guard let serial = info[certificate.serial], !serial.equals("none") else { continue }
            known.append(1, ["certificate": certificate.name, "serial": serial.text])
            if let seconds = info[certificate.time]?.number {
                families.append(MetricFamily(certificate.expiry.descriptor, seconds))
            }
        }
        return [known] + families
    }
}
