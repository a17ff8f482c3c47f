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

    /// What the code means while connecting, and how to mend it.
    var connectionAdvice: String {
        switch code {
        case "28P01": "the password is wrong, or the role does not exist"
        case "28000": "the role does not exist or may not log in, or pg_hba.conf does not admit it from here"
        case "3D000": "the database does not exist"
        case "42501": "the role may not connect to the database: GRANT CONNECT ON DATABASE ... TO ..."
        case "53300": "the server has no connection left for this role"
        case "57P03": "the server is starting up or shutting down"
        default: "the server refused the connection"
        }
    }
}
