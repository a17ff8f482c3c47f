import Scraping
import Testing

@testable import Postgres

struct PostgresSettingsTests {
    @Test(arguments: [
        ("postgresql://exporter@db:6432/app?sslmode=prefer", "db:6432"),
        ("postgres://u:p%40ss@10.0.0.1/app", "10.0.0.1:5432"),
        ("postgresql://u@[::1]:5433/app", "::1:5433"),
        ("postgresql://one:1111,two:2222/app?target_session_attrs=any", "one:1111"),
        ("host=/run/postgresql dbname=app", "/run/postgresql:5432"),
        ("postgresql:///app?host=/tmp&port=7777", "/tmp:7777"),
        ("host=db password='it\\'s a, secret'", "db:5432"),
        ("host=@abstract", "@abstract:5432"),
    ])
    func connectionStringsOfEveryForm(text: String, server: String) throws {
        #expect(try PostgresSettings(name: "main", connectionString: text).server == server)
    }

    @Test(arguments: [
        ("postgresql://db/app", "postgresql://db/app"),
        (
            "postgresql://u:p%3F@db/app?schema=public&sslmode=disable&pool=5",
            "postgresql://u:p%3F@db/app?sslmode=disable"
        ),
        ("postgresql://db/app?connection_limit=3", "postgresql://db/app"),
        ("postgresql://db/app?ssl=true&connect_timeout=3", "postgresql://db/app?ssl=true&connect_timeout=3"),
        ("host=db dbname=app", "host=db dbname=app"),
    ])
    func parametersOfApplicationsAreLeftOut(text: String, kept: String) throws {
        #expect(PostgresSettings.withoutForeignParameters(text) == kept)
        #expect(throws: Never.self) { try PostgresSettings(name: "main", connectionString: kept) }
    }

    @Test(arguments: [
        "postgresql://u:secret@db:port/app", "postgresql://u:secret@db:0/app", "postgresql://u:secret@db:70000/app",
        "postgresql://u:sec%ret@db/app", "postgresql://u:in@secret@db/app", "host=db secret",
        "hostname=db password=secret",
        "postgresql://u:secret@db/app?sslmod=require", "mysql://u:secret@db/app",
    ])
    func malformedOnesAreRefusedWithoutRepeatingThem(text: String) {
        let error = #expect(throws: InvalidConnectionString.self) {
            try PostgresSettings(name: "main", connectionString: text)
        }
        #expect(error?.description.contains("secret") == false)
        #expect(error?.description.contains("postgresql://user@host:5432/database") == true)
    }
}

struct ConnectionParametersTests {
    @Test(arguments: [
        ("host=db", "db:5432"), ("host=a,b port=1,2", "a:1 b:2"), ("host=a,b port=7", "a:7 b:7"),
        ("postgresql://a,b:2/x", "a:5432 b:2"), ("host=::1", "[::1]:5432"),
        ("host=name hostaddr=10.0.0.1", "10.0.0.1:5432"),
        ("host=a,b hostaddr=10.0.0.1,", "10.0.0.1:5432 b:5432"), ("hostaddr=10.0.0.1 host=''", "10.0.0.1:5432"),
        ("host=/run/postgresql", "/run/postgresql:5432"),
    ])
    func addressesAreWhatLibpqWouldDial(text: String, addresses: String) throws {
        #expect(try ConnectionParameters(text).addresses?.joined(separator: " ") == addresses)
    }

    @Test(arguments: ["", "host=''", "host=a,,b", "host=a,b port=1,2,3", "host=a hostaddr=1.1.1.1,2.2.2.2", "dbname=x"])
    func whatIsLeftOpenHasNone(text: String) throws {
        #expect(try ConnectionParameters(text).addresses == nil)
    }

    @Test(arguments: ["it's", #"a\b"#, "", " x = 'y' ", "ü,%20"])
    func valuesGoThroughTheirText(value: String) throws {
        var parameters = try ConnectionParameters("host=db")
        parameters["password"] = value
        #expect(try ConnectionParameters(parameters.connectionString)["password"] == value)
        #expect("\(parameters)" == "host password")
    }
}

struct SQLStateTests {
    @Test(arguments: [
        ("57014", FailureReason.timeout), ("55P03", .locked), ("42501", .permission), ("42P01", .missingExtension),
        ("42883", .missingExtension), ("55000", .missingExtension), ("42703", .unsupportedVersion),
        ("0A000", .unsupportedVersion), ("28P01", .authentication), ("28000", .authentication), ("3D000", .connection),
        ("53300", .connection), ("57P01", .connection), ("08006", .connection), ("22012", .internal),
        ("XX000", .internal),
    ])
    func codesBecomeReasons(code: String, reason: FailureReason) {
        #expect(SQLState(code: code).reason == reason)
    }
}
