import Lab
import Testing

@testable import Redis

@Suite(.startsServers, .timeLimit(.minutes(15))) struct LuaPatternTests {
    /// Subjects and patterns, each of which the server's own Lua is asked as well.
    private static let cases: [(subject: String, pattern: String)] = [
        ("user:42:name", "^(user):"), ("user:42:name", "(%a+):(%d+)"), ("user:42:name", "^%d"), ("", ""), ("", "x"),
        ("", "^$"), ("abc", "^$"), ("abc", "b"), ("abc", "^b"), ("abc", "c$"), ("abc", "b$"), ("a$c", "a$c"),
        ("a^c", "a^c"), ("^a", "^^a"), ("aaa", "a*"), ("baa", "a*"), ("baaa", "a+"), ("baaa", "a-b"), ("aaab", "a-b"),
        ("aaab", "(a-)(a*)b"), ("aaab", "(a*)(a-)b"), ("color colour", "colou?r"), ("colour", "^colou?r$"),
        ("ac", "ab?c"), ("ab?c", "ab%?c"), ("abc", "()b()"), ("abc", "()"), ("a,b", "([^,]*),([^,]*)"),
        ("key:{tag}:x", "{(.-)}"), ("f(a(b)c)d", "%b()"), ("f(a(b)c", "%b()"), ("f(a(b)c", "(%b())"), ("xax", "%bxx"),
        ("THE (quick) fox", "%f[%a]%a+%f[%A]"), ("THE (quick) fox", "%f[%l]%l+"), ("fox", "%f[%w]%w+%f[^%w]$"),
        ("abab", "(ab)%1"), ("abba", "(a)(b)%2%1"), ("abc", "(a)(b)%2"), ("abc", "()a%1"), ("aXb", "(%u)"),
        ("a-b", "[a-]-b"), ("a]b", "a[]]b"), ("a]b", "a[^]]b"), ("a^b", "a[x^]b"), ("5", "[0-9]"), ("-", "[a%-z]"),
        ("m", "[a%-z]"), ("b", "[%a-z]"), ("-", "[%a-z]"), ("%", "[%%]"), ("]", "[%]]"), ("x]", "[a-]]"),
        ("-]", "[a-]]"),
        ("_", "[]-a]"), (".", "[.]"), ("a", "[.]"), ("a.b", "a%.b"), ("axb", "a%.b"), ("tab\tx", "%s"), ("a1_", "%w+"),
        ("a1_", "%W"), ("!", "%p"), ("g0F", "%x+"), ("ab", "%g"), ("gb", "%g"), ("\u{1}", "%c"), ("Ab", "%L"),
        ("x", "*"),
        ("*", "*"), ("+a", "+a"), ("a)", "a%)"), ("aa*", "(a)*"), ("aa", "(a)*"), ("ä", "^.$"), ("ä", "^..$"),
        ("ä", "%a"),
        ("a%", "a%%"), ("abcabc", "(.)(.)(.)%1%2%3"), ("aaaa", "^(a-)%1$"), ("order:2024-05-01", "^(%a+):%d%d%d%d"),
        ("celery-task-meta-2f", "^(celery%-task%-meta)%-"), ("a:b:c", "^(.*):"), ("a:b:c", "^(.-):"), ("(", "[(]"),
        ("a\nb", "a.b"), ("abc", "((a)(b))"), ("abc", "(a(b(c)))"), ("aXbXc", "^(.*)X(.-)$"), ("12", "^%d-$"),
        // What is no pattern.
        ("a", "%"), ("a", "[a"), ("a", "["), ("a", "[]"), ("a", "(a"), ("a", ".)"), ("a", "%1"), ("a", "(a%1)"),
        ("a", "%b"), ("a", "%bx"), ("a", "%f"), ("a", "%fa"), ("a", "[%]"), ("a", "(a)%2"), ("a", "%0"), ("a", "[^]"),
    ]

    /// What `string.find` says of each: `error`, `none`, or `1,3:capture|capture`.
    private func askLua(_ cases: [(subject: String, pattern: String)]) async throws -> [String] {
        let server = try await RedisServer()
        let script = """
            local out = {}
            for i = 1, #ARGV, 2 do
              local r = {pcall(string.find, ARGV[i], ARGV[i + 1])}
              if not r[1] then out[#out + 1] = 'error'
              elseif not r[2] then out[#out + 1] = 'none'
              else out[#out + 1] = r[2] .. ',' .. r[3] .. ':' .. table.concat(r, '|', 4) end
            end
            return table.concat(out, '\\0')
            """
        let arguments = cases.flatMap { [$0.subject, $0.pattern] }
        let output = try await run(["redis-cli", "-s", server.socket, "EVAL", script, "0"] + arguments).output
        return output.dropLast().split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
    }

    private func find(_ pattern: String, in subject: String) -> String {
        do throws(LuaPattern.Malformed) {
            guard let match = try LuaPattern(pattern).firstMatch(in: Array(subject.utf8)) else { return "none" }
            let captures = match.captures.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "|")
            return "\(match.range.lowerBound + 1),\(match.range.upperBound):\(captures)"
        } catch {
            return "error"
        }
    }

    @Test func asLuaItself() async throws {
        let answers = try await askLua(Self.cases)
        try #require(answers.count == Self.cases.count)
        for ((subject, pattern), answer) in zip(Self.cases, answers) {
            #expect(find(pattern, in: subject) == answer, "\(pattern) in \(subject)")
        }
    }

    @Test func asLuaItselfWhateverThePattern() async throws {
        var random = SplitMix64(seed: 4)
        func text(_ letters: String, upTo length: Int) -> String {
            let letters = Array(letters)
            return String(
                (0..<Int.random(in: 0...length, using: &random)).map { _ in
                    letters[Int.random(in: letters.indices, using: &random)]
                })
        }
        let cases = (0..<6000).map { _ in (text("aab1-(]", upTo: 8), text("aab1.%%*+-?[]^$()()fbdwA", upTo: 9)) }
        let answers = try await askLua(cases)
        try #require(answers.count == cases.count)
        var matches = 0
        for ((subject, pattern), answer) in zip(cases, answers) {
            let own = find(pattern, in: subject)
            if own.hasPrefix("1,") { matches += 1 }
            // Lua notices that a pattern is none only where it gets so far.
            #expect(own == answer || own == "error" && !answer.contains(","), "\(pattern) in \(subject)")
        }
        #expect(matches > 300)
    }

    @Test func aSearchEnds() throws {
        let subject = Array(String(repeating: "a", count: 5000).utf8)
        let start = ContinuousClock.now
        for pattern in ["(.*)(.*)(.*)(.*)x", "(.-)(.-)(.-)(.-)x", "a*a*a*a*a*a*b", "%b()%b()", "(a*)%1%1x"] {
            #expect(try LuaPattern(pattern).firstMatch(in: subject) == nil)
        }
        #expect(start.duration(to: .now) < .seconds(30))
        #expect(try LuaPattern("^(a*)$").firstMatch(in: subject)?.captures == [subject])
        #expect(try LuaPattern(String(repeating: "a?", count: 500)).firstMatch(in: subject)?.range == 0..<500)
    }

    @Test func bytesThatAreNoText() throws {
        #expect(try LuaPattern("^(.)%z").firstMatch(in: [255, 0, 1])?.captures == [[255]])
        #expect(try LuaPattern("[^%w]+$").firstMatch(in: [97, 200, 201])?.range == 1..<3)
    }

    @Test func whatIsNoPatternSaysWhy() {
        func reason(_ text: String) -> String? {
            do throws(LuaPattern.Malformed) {
                _ = try LuaPattern(text)
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(reason("user%") == "it ends with %")
        #expect(reason("(user") == "a capture has no )")
        #expect(reason(String(repeating: "()", count: 33)) == "it has more than 32 captures")
        #expect(reason(String(repeating: "a", count: 1025)) == "it is longer than 1024 bytes")
        #expect(reason("^(user):") == nil)
    }
}
