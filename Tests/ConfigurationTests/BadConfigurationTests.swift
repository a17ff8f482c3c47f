import Testing

@testable import Configuration

/// Each bad file is told of in one sentence: what, where and how to mend it.
@Suite(.timeLimit(.minutes(2)))
struct BadConfigurationTests {
    @Test(arguments: [
        // Keys
        ("redis: [{url: c, qeueus: {}}]", #"1:18: "qeueus" is no key of a Redis server; did you mean queues?"#),
        ("postgres: [{dns: host=db}]", #"1:13: "dns" is no key of a PostgreSQL server; there are "#),
        ("postgress: []", #"1:1: "postgress" is no key of the configuration; did you mean postgres?"#),
        ("log:\n  levle: info", #"2:3: "levle" is no key of log; did you mean level?"#),
        (
            "web: {port: 1}",
            #"1:7: "port" is no key of web; there are listen_address, systemd_socket, telemetry_path, config_file, config, unix_socket_mode, enable_lifecycle"#
        ),
        (
            "redis: [{url: c, queues: {celery: {queue: [a]}}}]",
            #"1:36: "queue" is no key of celery; did you mean queues?"#
        ),
        ("collectors: {redis_inf: true}", #"1:14: "redis_inf" is no key of collectors; did you mean redis_info?"#),
        ("config: {file: x}", #"1:1: "config" is no key of the configuration; there are "#),
        ("redis: {addr: c}", #"1:9: "addr" is no key of redis; there are "#),
        (
            "redis: {url: c}",
            "1:9: url is said of a single server; put a dash before it, as in - url: ..."
        ),
        (
            "postgres: {name: a, dsn: ''}",
            "1:12: name is said of a single server; put a dash before it, as in - name: ..."
        ),
        ("Redis: []", #"1:1: "Redis" is no key of the configuration; did you mean redis?"#),
        // Values
        ("scrape: {timeout: soon}", "1:19: this should be a duration such as 10s or 500ms"),
        ("scrape: {timeout: [1s, 2s]}", "1:19: this should be one value and no list"),
        ("scrape: 10s", "1:9: this should be a mapping, with key: value in each line"),
        ("scrape: [timeout]", "1:9: this should be a mapping, with key: value in each line"),
        ("scrape: {timeout: {seconds: 1}}", "1:19: this should be a value, or a list of values"),
        ("scrape: {series_limit: -1}", "1:24: this should be a whole number above 0"),
        ("collectors: {locks: maybe}", "1:21: this should be true or false"),
        ("collectors: {locks: {}}", "1:21: this should be a value, or a list of values"),
        ("containers: {include: [docker, lcx]}", "1:23: this should be some of docker,podman,kubernetes,systemd,lxc"),
        ("containers: {include: [[docker]]}", "1:24: this should be text"),
        (
            "postgres: [{dsn: '', databases: {exclude: ['(']}}]",
            "1:43: this should be regular expressions with commas between, and no comma within one"
        ),
        ("redis: [{url: c, password: [hunter2]}]", "1:28: this should be one value and no list"),
        ("log: {level: loud}", "1:14: this should be debug, info, warn or error"),
        ("- log", "1:1: this should be a mapping, with key: value in each line"),
        ("postgres: main", "1:11: this should be a mapping, with key: value in each line"),
        ("postgres: [main]", "1:12: this should be a mapping, with key: value in each line"),
        ("postgres: {servers: {dsn: ''}}", "1:21: this should be a list"),
        // Servers
        (
            "postgres: [{name: a}]",
            "1:12: a PostgreSQL server needs an address: dsn: postgresql://user@host:5432/database"
        ),
        ("redis: [{name: a, url: }]", "1:9: a Redis server needs an address: url: redis://host:6379"),
        (
            "redis: [{url: a}, {name: b, url: b}]",
            "1:9: a Redis server among several needs a name, which becomes its label target"
        ),
        (
            "{redis: [{name: a, url: a}], postgres: [{name: a, dsn: ''}]}",
            #"1:17: "a" is the name of the target at c.yml:1:48 already; names differ, whatever the kind"#
        ),
        (
            "redis: [{name: host, url: a}]",
            #"1:16: "host" is the name of this host itself already; names differ, whatever the kind"#
        ),
        (
            "redis: [{name: '', url: a}]",
            "1:16: a name has 1 to 128 bytes, no control characters and no space at its ends"
        ),
        (
            "redis: [{name: \(String(repeating: "n", count: 129)), url: a}]",
            "1:16: a name has 1 to 128 bytes, no control characters and no space at its ends"
        ),
        (
            #"redis: [{name: "a\nb", url: a}]"#,
            "1:16: a name has 1 to 128 bytes, no control characters and no space at its ends"
        ),
        (
            "postgres: [{dsn: 'mysql://u:hunter2@db'}]",
            "1:18: this is not a PostgreSQL connection string: write postgresql://user@host:5432/database or "
                + #""host=... dbname=...", with %XX for special characters in a URI"#
        ),
        ("redis: [{url: 'redis://u:hunter2@c:x'}]", "1:15: the port is not a number from 1 to 65535"),
        (
            "redis: [{url: 'redis://u:hunter2@c', password: hunter2}]",
            "1:48: the url has a password already; take one of the two away"
        ),
        (
            "postgres: [{dsn: '', password: hunter2, password_file: x}]",
            "1:41: this is said at c.yml:1:32 already; take one of the two away"
        ),
        ("postgres: [{dsn: '', url: ''}]", "1:22: this is said at c.yml:1:18 already; take one of the two away"),
        (
            "redis: [{url: c, password: hunter2, password_file: x}]",
            "1:37: this is said at c.yml:1:28 already; take one of the two away"
        ),
        (
            "{collector: {locks: true}, collectors: {locks: false}}",
            "1:41: this is said at c.yml:1:21 already; take one of the two away"
        ),
        // Files
        (
            "postgres: [{dsn_file: /no/such}]",
            "1:23: the password file /no/such cannot be read: No such file or directory"
        ),
        (
            "postgres: [{dsn: '', password_file: /no/such}]",
            "1:37: the password file /no/such cannot be read: No such file or directory"
        ),
        (
            "redis: [{url: c, password_file: /no/such}]",
            "1:33: the password file /no/such cannot be read: No such file or directory"
        ),
        (
            "redis: [{url: c, sentinel_password_file: /no/such}]",
            "1:42: the password file /no/such cannot be read: No such file or directory"
        ),
        (
            "redis: [{url: c, scripts: [/no/such.lua]}]",
            "1:27: the file /no/such.lua cannot be read: No such file or directory"
        ),
        (
            "redis: [{url: c, tls: {client_key_file: /dev/null}}]",
            "1:41: a certificate and its key go together; add client_cert_file"
        ),
        // Variables
        ("redis: [{url: '${REDIS}'}]", "1:15: the variable REDIS is not set; set it, or write ${REDIS:-default}"),
        ("log: {level: '${EMPTY}'}", "1:14: the variable EMPTY is not set; set it, or write ${EMPTY:-default}"),
        ("log: {level: '${LEVEL'}", "1:14: the ${ has no } behind it; write $$ for a dollar that is one"),
        (
            "log: {level: '${A-B}'}",
            #"1:14: "A-B" is no variable's name: write ${NAME} or ${NAME:-default}, and $$ for a dollar"#
        ),
        ("redis: [{url: c, password: '${SECRET}', user: [a]}]", "1:47: this should be one value and no list"),
        ("redis: [{url: '${SECRET}:x'}]", "1:15: the port is not a number from 1 to 65535"),
        // What is no YAML is told of elsewhere, and the same way.
        ("log: {level: *x}", "1:14: aliases are not understood; write the value out"),
        (
            "log: {level: info, level: warn}",
            #"1:20: the key "level" stands in line 1 already; take one of the two away"#
        ),
    ])
    func oneSentence(text: String, sentence: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try settings(text, [], ["EMPTY": "", "SECRET": "hunter2"])
        }
        let description = try #require(error?.description)
        if sentence.hasSuffix("; there are ") {
            #expect(description.hasPrefix("c.yml:\(sentence)"))
        } else {
            #expect(description == "c.yml:\(sentence)")
        }
        #expect(!description.contains("hunter2") && !description.contains("\n"))
    }

    @Test func aFileThatIsTooLargeOrTooDeep() {
        for (text, sentence) in [
            (
                "# \(String(repeating: "x", count: 1 << 20))",
                "c.yml is longer than 1 MiB; it is probably the wrong file"
            ),
            (
                String(repeating: "a: {", count: 40) + String(repeating: "}", count: 40),
                "c.yml:1:128: this is nested deeper than 32 levels; take some away"
            ),
        ] { #expect(throws: ConfigurationError(sentence)) { try settings(text) } }
    }
}
