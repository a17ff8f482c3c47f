import Configuration
import Glibc
import WebServer

/// `stack-exporter health`: whether the server that these settings belong to answers; for a container's HEALTHCHECK.
enum HealthCheck {
    static func run(_ settings: Settings) async -> Bool {
        guard let address = settings.web.addresses.first else { return false }
        let complaint = await LivenessClient.complaint(
            about: address, isEncrypted: settings.web.configuration.tls != nil)
        if let complaint { write(Array("stack-exporter: \(complaint)\n".utf8), to: STDERR_FILENO) }
        return complaint == nil
    }
}
