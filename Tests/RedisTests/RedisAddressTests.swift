import Scraping
import Testing

@testable import Redis

struct RedisAddressTests {
    struct Case: Sendable {
        let text: String
        var address = RedisSettings.Address.tcp(host: "h", port: 6379)
        var user: String?
        var password: String?
        var database = 0
        var isTLS = false
    }

    @Test(arguments: [
        Case(text: "h"),
        Case(text: "h:7000", address: .tcp(host: "h", port: 7000)),
        Case(text: "", address: .tcp(host: "localhost", port: 6379)),
        Case(text: ":7000", address: .tcp(host: "localhost", port: 7000)),
        Case(text: "redis://", address: .tcp(host: "localhost", port: 6379)),
        Case(text: "redis://h"),
        Case(text: "REDIS://h/"),
        Case(text: "valkey://h"),
        Case(text: "rediss://h", isTLS: true),
        Case(text: "valkeys://h", isTLS: true),
        Case(text: "redis://h/2", database: 2),
        Case(text: "h/3", database: 3),
        Case(text: "redis://h:6380/0?ssl_cert_reqs=none", address: .tcp(host: "h", port: 6380)),
        Case(text: "redis://:pass@h", password: "pass"),
        Case(text: "redis://x@h", password: "x"),
        Case(text: "redis://user:@h", user: "user"),
        Case(text: "redis://user:pass@h:6379/2", user: "user", password: "pass", database: 2),
        Case(text: "user:pass@h", user: "user", password: "pass"),
        Case(text: "redis://:p%40s%2Fs%3A%25+@h", password: "p@s/s:%+"),
        Case(text: "redis://u%C3%BC:a:b@h", user: "uü", password: "a:b"),
        Case(text: "redis://:a@b@h", password: "a@b"),
        Case(text: "[::1]", address: .tcp(host: "::1", port: 6379)),
        Case(text: "[::1]:6380", address: .tcp(host: "::1", port: 6380)),
        Case(text: "::1", address: .tcp(host: "::1", port: 6379)),
        Case(
            text: "rediss://:p@[fe80::1]:1/1", address: .tcp(host: "fe80::1", port: 1), password: "p", database: 1,
            isTLS: true),
        Case(
            text: "redis+sentinel://one,two:7,[::1]:8/shop",
            address: .master(
                name: "shop",
                sentinels: [
                    .tcp(host: "one", port: 26379), .tcp(host: "two", port: 7), .tcp(host: "::1", port: 8),
                ])),
        Case(
            text: "rediss+sentinel://u:p%40s@one:1/my%2Fmaster/3?x=y",
            address: .master(name: "my/master", sentinels: [.tcp(host: "one", port: 1)]), user: "u", password: "p@s",
            database: 3, isTLS: true),
        Case(text: "unix:///run/redis.sock", address: .unix(path: "/run/redis.sock")),
        Case(
            text: "unix://u:p@/run/redis%20x.sock", address: .unix(path: "/run/redis x.sock"), user: "u", password: "p"),
        Case(text: "/run/redis.sock", address: .unix(path: "/run/redis.sock")),
    ])
    func addresses(_ example: Case) throws {
        let settings = try RedisSettings(name: "n", address: example.text)
        #expect(settings.address == example.address)
        #expect(settings.username == example.user)
        #expect(try settings.password?.reveal() == example.password)
        #expect(settings.database == example.database)
        #expect((settings.tls != nil) == example.isTLS)
    }

    @Test(arguments: [
        ("redis://:hunter2@h:x", "the port is not a number from 1 to 65535"),
        ("redis://:hunter2@h:0", "the port is not a number from 1 to 65535"),
        ("redis://:hunter2@h:65536", "the port is not a number from 1 to 65535"),
        ("redis://:hunter2@h:", "the port is not a number from 1 to 65535"),
        ("redis://:hunter2@h/one", "the database is not a number from 0"),
        ("redis://:hunter2@h/-1", "the database is not a number from 0"),
        (
            "http://:hunter2@h",
            "the scheme is none of redis, rediss, valkey, valkeys, redis+sentinel, rediss+sentinel and unix"
        ),
        ("redis+sentinel://:hunter2@h", "the name of the sentinels' master is missing behind their addresses"),
        ("redis+sentinel://:hunter2@h/", "the name of the sentinels' master is missing behind their addresses"),
        ("redis+sentinel://:hunter2@/m", "there is no sentinel in the address"),
        ("redis+sentinel://:hunter2@h:0/m", "the port is not a number from 1 to 65535"),
        ("redis+sentinel://:hunter2@h/m/x", "the database is not a number from 0"),
        ("redis://:hunter2%@h", "the password has a percent sign without two hexadecimal digits behind it"),
        ("redis://:hunter2%+1@h", "the password has a percent sign without two hexadecimal digits behind it"),
        ("redis://:hunter2%ff@h", "the password is not UTF-8 once it is decoded"),
        ("redis://:hunter2@[::1", "the IPv6 address has no closing bracket"),
        ("redis://:hunter2@[::1]6379", "behind the IPv6 address there is something else than a port"),
        ("redis://:hunter2@h ost", "the host has a character that no host has"),
        ("unix://:hunter2@run", "the path of the socket does not begin with a slash"),
    ])
    func whatIsNoAddress(text: String, sentence: String) {
        #expect(throws: RedisSettingsError(sentence)) { try RedisSettings(name: "n", address: text) }
    }

    @Test func addressesInMessages() throws {
        #expect(RedisSettings.Address.tcp(host: "::1", port: 1).description == "[::1]:1")
        let watched = try RedisSettings(name: "n", address: "redis+sentinel://:hunter2@one,[::1]:2/shop")
        #expect(watched.address.description == "shop@one:26379,[::1]:2")
    }

    @Test func lists() throws {
        #expect(
            try RedisKey.list("jobs, db1=mails,a%2Cb+c,,db=x,foo=bar,db12=k=v") == [
                RedisKey(key: "jobs"), RedisKey(database: 1, key: "mails"), RedisKey(key: "a,b c"),
                RedisKey(key: "db=x"), RedisKey(key: "foo=bar"), RedisKey(database: 12, key: "k=v"),
            ])
        #expect(try RedisKey.list("").isEmpty)
        #expect(throws: RedisSettingsError.self) { try RedisKey.list("a%2") }
        #expect(throws: RedisSettingsError.self) { try RedisKey.list("db-1=a") }
    }

    @Test func theNameOnTheCertificate() {
        var tls = RedisSettings.TLS()
        #expect(tls.name(ofServerAt: "cache.example") == "cache.example")
        #expect(tls.name(ofServerAt: "10.0.0.1") == nil)
        #expect(tls.name(ofServerAt: "::1") == nil)
        tls.serverName = "other"
        #expect(tls.name(ofServerAt: "10.0.0.1") == "other")
    }
}
