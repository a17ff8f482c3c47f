import Scraping
import Testing

@testable import Configuration
@testable import Postgres

struct ProbeAddressTests {
    private func settings(allow pattern: String? = ".*") throws -> Configuration.Settings {
        var settings = Configuration.Settings()
        settings.probedAddresses = try pattern.map { try #require(RegularExpression($0)) }
        settings.authModules = [
            "login": .init(username: "exporter", password: Secret(value: "hunter2"), options: [("sslmode", "require")]),
            "cert": .init(
                username: "exporter", options: [("sslcert", "/etc/client.crt"), ("sslkey", "/etc/client.key")]),
            "options": .init(options: [("connect_timeout", "3")]),
        ]
        return settings
    }

    @Test(arguments: [
        ("db", "db:5432"), ("db:6000", "db:6000"), ("db:6000/app?sslmode=disable", "db:6000"),
        ("db?sslmode=disable", "db:5432"), ("u:p%40ss@db/app", "db:5432"), ("postgresql://u:p@db:1/app", "db:1"),
        ("postgres://db", "db:5432"), ("host=db port=7 user=x password='a b'", "db:7"), ("[::1]:6000", "[::1]:6000"),
        ("host=/run/postgresql", "/run/postgresql:5432"), ("one:1,two:2/app", "one:1"),
        ("host=name hostaddr=10.0.0.1", "10.0.0.1:5432"),
    ])
    func addressesOfEveryForm(target: String, name: String) throws {
        #expect(try settings().probed(target, module: nil).name == name)
    }

    @Test(arguments: [
        ("db-1", true), ("db-1:5432/x", true), ("postgresql://db-2,db-3/x", true), ("db-1:5433", false),
        ("db-1.evil", false), ("evil", false), ("db-1,evil/x", false), ("host=db-1 hostaddr=169.254.169.254", false),
        ("host=db-1,db-2 hostaddr=,169.254.169.254", false), ("host=db-1 port=80", false), ("db-1/evil:5432", true),
        ("evil/db-1:5432", false), ("user:db-1:5432@evil", false), ("db-1?host=evil", false),
        ("db-1?hostaddr=10.0.0.1", false), ("[db-1]", true),
    ])
    func onlyWhatIsAllowedIsDialled(target: String, isAllowed: Bool) throws {
        let settings = try settings(allow: "db-[0-9]:5432")
        if isAllowed {
            _ = try settings.probed(target, module: nil)
        } else {
            let refusal = #expect(throws: ProbeRefusal.self) { try settings.probed(target, module: nil) }
            #expect(refusal?.reason == .forbidden)
            #expect(refusal?.sentence.contains("--postgres.probe.allow") == true)
        }
    }

    @Test func nothingIsAllowedByDefault() throws {
        let refusal = #expect(throws: ProbeRefusal.self) { try settings(allow: nil).probed("db", module: nil) }
        #expect(refusal?.reason == .forbidden)
        #expect(refusal?.sentence.contains("--postgres.probe.allow") == true)
    }

    /// Each would open a file, go elsewhere or have nowhere to go.
    @Test(arguments: [
        "db?sslkey=/etc/shadow", "db?passfile=/etc/passwd", "service=other", "host=db service=other",
        "db?sslrootcert=/etc/passwd", "host=db options='-c statement_timeout=0'", "db?replication=true",
        "postgresql:///app", "user=x", "host='' user=x", "host=a,,b", "host=a,b port=1,2,3",
        "host=a hostaddr=1.2.3.4,5.6.7.8",
        "u:hunter2@db:port/app", "u:hun@ter2@db", "u:hunter2%zz@db", "host=db hunter2", "db?nonsense=hunter2",
        "db\nhunter2", "db%00hunter2", String(repeating: "x", count: 2049),
    ])
    func whatIsNoAddressIsRefusedWithoutRepeatingIt(target: String) throws {
        let refusal = #expect(throws: ProbeRefusal.self) { try settings().probed(target, module: nil) }
        #expect(refusal?.reason == .malformed)
        #expect(refusal?.sentence.contains("hunter2") == false)
        #expect(refusal?.sentence.contains("ter2") == false)
        #expect(refusal?.sentence.contains("\n") == false)
    }

    @Test func aModulesWordGoesBeforeTheTargets() throws {
        let login = try settings().probed("me:mine@db?sslmode=disable&connect_timeout=2", module: "login")
        #expect(
            login.connectionString
                == "connect_timeout='2' host='db' hostaddr='' password='' port='5432' sslmode='require' user='me'")
        #expect(login.user == "exporter")
        #expect(try login.password?.reveal() == "hunter2")

        let certificate = try settings().probed("me:mine@db", module: "cert")
        #expect(certificate.user == "exporter")
        #expect(certificate.password == nil)
        #expect(!certificate.connectionString.contains("mine"))
        #expect(certificate.connectionString.contains("sslkey='/etc/client.key'"))

        let options = try settings().probed("me:mi'n\\e@db", module: "options")
        #expect(options.user == nil)
        #expect(options.connectionString.contains(#"password='mi\'n\\e'"#))
        #expect(options.connectionString.contains("connect_timeout='3'"))

        let refusal = #expect(throws: ProbeRefusal.self) { try settings().probed("db", module: "other") }
        #expect(refusal?.reason == .malformed)
    }

    /// A module's options are the operator's own, and have to lead where the operator allows as well.
    @Test func optionsCannotLeadElsewhere() throws {
        var settings = try settings(allow: "db:5432")
        settings.authModules["elsewhere"] = .init(options: [("host", "other")])
        let refusal = #expect(throws: ProbeRefusal.self) { try settings.probed("db", module: "elsewhere") }
        #expect(refusal?.reason == .forbidden)
    }
}
