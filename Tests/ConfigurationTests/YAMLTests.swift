import Lab
import Testing

@testable import Configuration

@Suite(.timeLimit(.minutes(2)))
struct YAMLTests {
    private func parse(_ text: String) throws(ConfigurationError) -> YAMLNode? {
        try YAMLNode.parse(Array(text.utf8), file: "f.yaml")
    }

    /// The document in one line: plain text as it is, other text in quotes.
    private func line(_ node: YAMLNode) -> String {
        switch node.content {
        case .scalar(let text, isPlain: true): text
        case .scalar(let text, isPlain: false): "\"\(text)\""
        case .sequence(let elements): "[\(elements.map(line).joined(separator: ", "))]"
        case .mapping(let entries):
            "{\(entries.map { "\($0.key): \(line($0.value))" }.joined(separator: ", "))}"
        }
    }

    @Test(arguments: [
        ("a: 1\nb: [x, 'y', \"z\\n\"]\n", "{a: 1, b: [x, \"y\", \"z\n\"]}"),
        ("- a\n- b: {c: d}\n-\n", "[a, {b: {c: d}}, ]"),
        ("q: |\n  one\n  two\nr: >-\n  one\n  two\n", "{q: \"one\ntwo\n\", r: \"one two\"}"),
        ("--- # comment\na: ~\n...\n", "{a: ~}"),
        ("\u{FEFF}a: ü\n", "{a: ü}"),
        ("a: !!str 5\nb: ! 6\nc: !!int 7\n", "{a: \"5\", b: \"6\", c: 7}"),
        ("text", "text"), ("{}", "{}"), ("[]", "[]"),
    ])
    func documents(text: String, expected: String) throws {
        #expect(line(try #require(try parse(text))) == expected)
    }

    @Test(arguments: ["", "\n", "# only a comment\n", "\u{FEFF}"])
    func nothingAtAll(text: String) throws {
        #expect(try parse(text)?.content == nil)
    }

    @Test func everyNodeHasItsPlace() throws {
        let root = try #require(try parse("# one\na: x\nb:\n  - 1\n  -   {c: ü, d: 'e'}\n"))
        let b = try root.entries()[1]
        let flow = try b.value.list()[1]
        let places = [root.place, try root.entries()[0].value.place, b.place, flow.place]
        #expect(places.map { "\($0.line):\($0.column)" } == ["2:1", "2:4", "3:1", "5:7"])
        #expect(try flow.entries().map { "\($0.place.column)" } == ["8", "14"])
        #expect(root.place.error("it is wrong") == ConfigurationError("f.yaml:2:1: it is wrong"))
    }

    @Test(arguments: [
        (
            "a: b: c",
            "1:5: mapping values are not allowed in this context; look at indentation (by spaces), "
                + "quotes and brackets"
        ),
        (
            "a:\n\tb: c",
            "2:1: found character that cannot start any token while scanning for the next token; look at "
                + "indentation (by spaces), quotes and brackets"
        ),
        (
            "a: 'b\nc: d\n",
            "3:1: found unexpected end of stream while scanning a quoted scalar; look at indentation "
                + "(by spaces), quotes and brackets"
        ),
        (
            "a: [b, c\n",
            "2:1: did not find expected ',' or ']' while parsing a flow sequence; look at indentation (by "
                + "spaces), quotes and brackets"
        ),
        (
            "a: b\n c: d\n",
            "2:3: mapping values are not allowed in this context; look at indentation (by spaces), "
                + "quotes and brackets"
        ),
        ("a: &x b\nc: *x\n", "1:4: anchors are not understood; take the & and its name away"),
        ("a: &x [b]", "1:4: anchors are not understood; take the & and its name away"),
        ("a: &x {b: c}", "1:4: anchors are not understood; take the & and its name away"),
        ("a: *x", "1:4: aliases are not understood; write the value out"),
        ("a: !secret b", #"1:4: the tag "!secret" is not understood; take it away"#),
        ("a: !!binary aGk=", #"1:4: the tag "tag:yaml.org,2002:binary" is not understood; take it away"#),
        ("a: !!python/tuple [b]", #"1:4: the tag "tag:yaml.org,2002:python/tuple" is not understood; take it away"#),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins; leave one in the file, without --- before others"),
        ("a: 1\nb: 2\n'a': 3\n", #"3:1: the key "a" stands in line 1 already; take one of the two away"#),
        ("{[a]: b}", "1:2: a key has to be text"),
        (#"a: "x\0y""#, #"1:4: text cannot hold a zero byte; take the "\0" away"#),
        ("a: b\nc: \u{1}\n", "2: control characters are not allowed; the file has to be text in UTF-8"),
    ])
    func mistakesAreOneSentenceWithTheirPlace(text: String, sentence: String) {
        #expect(throws: ConfigurationError("f.yaml:\(sentence)")) { try parse(text) }
    }

    @Test(arguments: [[0xFF, 0xFE, 0x61, 0x00], [0x61, 0x3A, 0x20, 0xC3, 0x28], [0x00], [0x80]] as [[UInt8]])
    func whatIsNotUTF8IsRefused(bytes: [UInt8]) {
        let error = #expect(throws: ConfigurationError.self) { try YAMLNode.parse(bytes, file: "f.yaml") }
        #expect(error?.description.hasSuffix("the file has to be text in UTF-8") == true)
    }

    @Test func sizesAreBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try parse(nested(32)) }
        #expect(
            throws: ConfigurationError("f.yaml:1:33: this is nested deeper than 32 levels; take some away")
        ) { try parse(nested(33)) }
        #expect(throws: ConfigurationError.self) { try parse(String(repeating: "[", count: 1 << 20)) }
        #expect(throws: ConfigurationError.self) { try parse(String(repeating: "{a: ", count: 200_000)) }

        #expect(throws: Never.self) { try parse(String(repeating: "- a\n", count: 49_999)) }
        #expect(
            throws: ConfigurationError(
                "f.yaml:50000:3: there are more than 50000 values; it is probably the wrong file")
        ) { try parse(String(repeating: "- a\n", count: 50_000)) }

        #expect(throws: Never.self) { try parse("# " + String(repeating: "x", count: (1 << 20) - 2)) }
        #expect(
            throws: ConfigurationError("f.yaml is longer than 1 MiB; it is probably the wrong file")
        ) { try parse("# " + String(repeating: "x", count: (1 << 20) - 1)) }
    }

    /// Damaged documents are read or refused; none is a crash or without end.
    @Test func noBytesAreACrash() {
        let document = Array(
            """
            # a comment
            pg_lag: {query: "SELECT 'ü' AS \\u00e9", master: true}
            pg_other:
              query: |-
                SELECT 1
              metrics:
                - column: &a {usage: "GAUGE", ? [x] : y}
                - other: *a
                - ! third: !!str >+
                    folded
            %TAG ! tag:x,2000:
            --- |2
            """.utf8)
        for end in document.indices { _ = try? YAMLNode.parse(Array(document[..<end]), file: "f.yaml") }
        var random = SplitMix64(seed: 42)
        for _ in 0..<3000 {
            var damaged = document
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let place = Int.random(in: damaged.indices, using: &random)
                damaged[place] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? YAMLNode.parse(damaged, file: "f.yaml")
        }
        let signs = Array("[]{}:,-?&*!|>'\"%@`# \n\ta1~".utf8)
        for _ in 0..<3000 {
            let length = Int.random(in: 0...200, using: &random)
            let text = (0..<length).map { _ in signs[Int.random(in: signs.indices, using: &random)] }
            _ = try? YAMLNode.parse(text, file: "f.yaml")
            let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = try? YAMLNode.parse(noise, file: "f.yaml")
        }
    }

    // MARK: What values are read as

    @Test func valuesOfEveryKind() throws {
        let root = try #require(
            try parse(
                """
                text: hello
                number_as_text: 5
                on: yes
                off: "False"
                count: 42
                ratio: -1.5e3
                infinite: -.inf
                time: 1m30s
                seconds: 2.5
                names: [a, "b", 3]
                nothing:
                none: null
                quoted_none: "null"
                """))
        let known = try root.entries().map(\.key) + ["absent"]
        let fields = try root.fields(known, of: "a test")
        #expect(try fields.required("text").string() == "hello")
        #expect(try fields["number_as_text"]?.string() == "5")
        #expect(try fields["on"]?.bool() == true)
        #expect(try fields["off"]?.bool() == false)
        #expect(try fields["count"]?.int(0...42) == 42)
        #expect(try fields["ratio"]?.number() == -1500)
        #expect(try fields["infinite"]?.number() == -.infinity)
        #expect(try fields["time"]?.duration() == .seconds(90))
        #expect(try fields["seconds"]?.duration() == .milliseconds(2500))
        #expect(try fields["names"]?.strings() == ["a", "b", "3"])
        #expect(fields["nothing"]?.place == nil)
        #expect(fields["none"]?.place == nil)
        #expect(try fields["quoted_none"]?.string() == "null")
        #expect(fields["absent"]?.place == nil)
        #expect(throws: ConfigurationError("f.yaml:11:9: a test needs the key nothing")) {
            try fields.required("nothing")
        }
        #expect(throws: ConfigurationError("f.yaml:1:1: a test needs the key absent")) { try fields.required("absent") }
    }

    private enum Word: String, CaseIterable {
        case gauge = "GAUGE"
        case counter = "COUNTER"
    }

    @Test(arguments: [
        ("[a]", "f.yaml:1:1: this should be text"), ("~", "f.yaml:1:1: this should be text"),
    ])
    func notText(text: String, sentence: String) throws {
        let node = try #require(try parse(text))
        #expect(throws: ConfigurationError(sentence)) { try node.string() }
    }

    @Test func aValueOfTheWrongKindIsNotRepeated() throws {
        let secret = try #require(try parse("hunter2"))
        let sentences = [
            #expect(throws: ConfigurationError.self) { try secret.bool() },
            #expect(throws: ConfigurationError.self) { try secret.int(1...5) },
            #expect(throws: ConfigurationError.self) { try secret.number() },
            #expect(throws: ConfigurationError.self) { try secret.duration() },
            #expect(throws: ConfigurationError.self) { try secret.strings() },
            #expect(throws: ConfigurationError.self) { try secret.entries() },
        ].map { $0?.description }
        #expect(
            sentences == [
                "f.yaml:1:1: this should be true or false", "f.yaml:1:1: this should be a whole number from 1 to 5",
                "f.yaml:1:1: this should be a number", "f.yaml:1:1: this should be a duration such as 10s",
                "f.yaml:1:1: this should be a list",
                "f.yaml:1:1: this should be a mapping, with key: value in each line",
            ])
        let six = try #require(try parse("6"))
        #expect(throws: ConfigurationError("f.yaml:1:1: this should be a whole number from 1 to 5")) {
            try six.int(1...5)
        }
    }

    @Test(arguments: [
        ("qeury: x", #"f.yaml:1:1: "qeury" is no key of a query; did you mean query?"#),
        ("a: x\nMetric: y", #"f.yaml:2:1: "Metric" is no key of a query; did you mean metrics?"#),
        ("cache_second: y", #"f.yaml:1:1: "cache_second" is no key of a query; did you mean cache_seconds?"#),
        ("colour: y", #"f.yaml:1:1: "colour" is no key of a query; there are a, query, metrics, cache_seconds"#),
        (#""x\ny": y"#, #"f.yaml:1:1: "x\ny" is no key of a query; there are a, query, metrics, cache_seconds"#),
        (
            String(repeating: "k", count: 100) + ": y",
            "f.yaml:1:1: \"" + String(repeating: "k", count: 60)
                + "...\" is no key of a query; there are a, query, metrics, cache_seconds"
        ),
    ])
    func anUnknownKeyNamesTheOneThatWasMeant(text: String, sentence: String) throws {
        let node = try #require(try parse(text))
        #expect(throws: ConfigurationError(sentence)) {
            try node.fields(["a", "query", "metrics", "cache_seconds"], of: "a query")
        }
    }

    @Test func aWordNamesTheOneThatWasMeant() throws {
        #expect(try parse("GAUGE")?.choice("usage", as: Word.self) == .gauge)
        #expect(throws: ConfigurationError(#"f.yaml:1:1: "GUAGE" is no usage; did you mean GAUGE?"#)) {
            try parse("GUAGE")?.choice("usage", as: Word.self)
        }
        #expect(throws: ConfigurationError(#"f.yaml:1:1: "counter" is no usage; did you mean COUNTER?"#)) {
            try parse("counter")?.choice("usage", as: Word.self)
        }
        #expect(throws: ConfigurationError(#"f.yaml:1:1: "METER" is no usage; there are GAUGE, COUNTER"#)) {
            try parse("METER")?.choice("usage", as: Word.self)
        }
    }

    @Test func aFileThatCannotBeReadIsNamed() {
        #expect(throws: ConfigurationError("/no/such.yaml cannot be read: No such file or directory")) {
            try YAMLNode.read(path: "/no/such.yaml")
        }
        #expect(throws: ConfigurationError("/tmp cannot be read: Is a directory")) { try YAMLNode.read(path: "/tmp") }
    }
}
