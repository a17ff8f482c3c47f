import Scraping

/// A server's error code, five characters of class and subclass, which unlike its text is the same in every language.
struct SQLState: Equatable {
    let code: String

    /// Why a statement failed.
    var reason: FailureReason {
        switch code {
        case "57014": .timeout
        case "55P03": .locked
        case "42501": .permission
        // The view or function is not there, or is not loaded by shared_preload_libraries.
        case "42P01", "42883", "3F000", "55000": .missingExtension
        case "42703": .unsupportedVersion
        case "0A000": .unsupportedVersion
        case "3D000", "53300", "57P01", "57P02", "57P03", "57P05": .connection
        default:
            switch code.prefix(2) {
            case "08": .connection
            case "28": .authentication
            default: .internal
            }
        }
    }
}
