import Lab

/// Certificates that openssl has made, in files named after them: `server.pem` and `server.key`.
final class Certificates: Sendable {
    let directory = TemporaryDirectory("certificates")

    /// The ones that all tests share, made when the first of them needs them.
    static var shared: Certificates {
        get async throws { try await making.value }
    }

    private static let making = Task { try await Certificates() }

    /// The server's is for 127.0.0.1 and localhost; `other` is another one, and `expired` one of yesterday. `client` has a
    /// name of each kind, `nameless` has none, and `stranger` has signed itself.
    init() async throws {
        let script = """
            set -e
            cd "$0"
            printf '[req]\\ndistinguished_name=dn\\n[dn]\\n' >openssl.cnf
            key='-config openssl.cnf -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1'
            authority() {
                openssl req -x509 $key -keyout $1.key -out $1.pem -subj /CN=$1 -days 2 -addext basicConstraints=critical,CA:TRUE
            }
            leaf() {
                name=$1 days=$2; shift 2
                openssl req "$@" -keyout $name.key -out $name.csr -subj /CN=$name
                openssl x509 -req -in $name.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days $days \\
                    -copy_extensions copy -out $name.pem
            }
            authority authority
            authority otherauthority
            here='subjectAltName=DNS:localhost,IP:127.0.0.1'
            leaf server 2 -config openssl.cnf -nodes -newkey rsa:2048 -addext $here
            leaf other 2 $key -addext $here
            leaf expired -1 $key -addext $here
            leaf client 2 $key -addext \\
                'subjectAltName=DNS:scraper.example,email:scraper@example.org,IP:10.1.2.3,IP:2001:db8::7,URI:spiffe://example/scraper'
            leaf nameless 2 $key
            openssl req -x509 $key -keyout stranger.key -out stranger.pem -subj /CN=stranger -days 2 \\
                -addext subjectAltName=DNS:scraper.example
            openssl ec -in other.key -aes128 -passout pass:hunter2 -out locked.key
            """
        let made = try await run(["bash", "-c", script, directory.path])
        guard made.status == 0 else { throw LabError("openssl: \(made.errors)") }
    }

    func path(_ name: String) -> String { directory.path(name) }
}
