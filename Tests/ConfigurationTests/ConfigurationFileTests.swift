import Scraping
import Testing

@testable import Configuration

struct ConfigurationFileTests {
    private func load(_ text: String) throws(ConfigurationError) -> ConfigurationFile {
        try ConfigurationTests.load(text, as: "c.yml") { path throws(ConfigurationError) in
            try ConfigurationFile.load(path: path)
        }
    }

    @Test func authModules() throws {
        let file = try load(
            """
            auth_modules:
              first:
                type: userpass
                userpass: {username: exporter, password: "p@ss: word"}
                options: {sslmode: disable, connect_timeout: 5}
              by_certificate:
                type: userpass
                userpass:
                  username: exporter
              by_target: {type: userpass}
            """)
        #expect(file.authModules.keys.sorted() == ["by_certificate", "by_target", "first"])
        let first = try #require(file.authModules["first"])
        #expect(first.username == "exporter")
        #expect(try first.password?.reveal() == "p@ss: word")
        #expect(first.options.map { "\($0.name)=\($0.value)" } == ["sslmode=disable", "connect_timeout=5"])
        #expect(file.authModules["by_certificate"]?.password == nil)
        #expect(file.authModules["by_target"]?.username == nil)
        var dumped = ""
        dump(file, to: &dumped)
        #expect(!dumped.contains("p@ss"))
    }

    @Test(arguments: ["", "# nothing\n", "auth_modules:\n", "{}", "auth_modules: {}"])
    func nothingSaid(text: String) throws {
        #expect(try load(text).authModules.isEmpty)
    }

    @Test(arguments: [
        ("auth_module: {}", #"1:1: "auth_module" is no key of the configuration; did you mean auth_modules?"#),
        ("auth_modules: [a]", "1:15: this should be a mapping, with key: value in each line"),
        ("auth_modules: {a: {}}", "1:19: an auth module needs the key type"),
        ("auth_modules: {a: {type: basic}}", #"1:26: "basic" is no type of auth module; there are userpass"#),
        (
            "auth_modules: {a: {type: user_pass}}",
            #"1:26: "user_pass" is no type of auth module; did you mean userpass?"#
        ),
        (
            "auth_modules: {a: {type: userpass, option: {}}}",
            #"1:36: "option" is no key of an auth module; did you mean options?"#
        ),
        (
            "auth_modules: {a: {type: userpass, userpass: {user: x}}}",
            #"1:47: "user" is no key of userpass; there are username, password, password_file"#
        ),
        (
            "auth_modules: {a: {type: userpass, userpass: hunter2}}",
            "1:46: this should be a mapping, with key: value in each line"
        ),
        ("auth_modules: {a: {type: userpass, userpass: {password: [hunter2]}}}", "1:57: this should be text"),
        ("auth_modules: {a: {type: userpass, options: {sslmode: [disable]}}}", "1:55: this should be text"),
    ])
    func badFiles(text: String, sentence: String) {
        #expect(throws: ConfigurationError("c.yml:\(sentence)")) { try load(text) }
    }

    @Test func aFileThatIsNotThereIsNamed() {
        #expect(throws: ConfigurationError("/no/such.yml cannot be read: No such file or directory")) {
            try ConfigurationFile.load(path: "/no/such.yml")
        }
    }
}
