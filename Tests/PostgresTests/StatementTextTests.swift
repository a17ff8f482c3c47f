import Testing

@testable import Postgres

struct StatementTextTests {
    @Test(
        arguments: [
            ("SELECT a,\n\t b\r\n  FROM t -- why\n WHERE c = $1 ;\n", "SELECT a, b FROM t WHERE c = $1 ;"),
            ("/* app:web /* nested */ id=7 */SELECT/**/1", "SELECT 1"),
            (#"SELECT "it's -- /* $$" FROM "a""b""#, #"SELECT "it's -- /* $$" FROM "a""b""#),
            ("SELECT a$b$c, $1::text, x-$2 FROM größe", "SELECT a$b$c, $1::text, x-$2 FROM größe"),
            ("UPDATE t SET a = $1 WHERE b TO c", "UPDATE t SET a = $1 WHERE b TO c"),
            ("", ""),
            ("-- nothing else", ""),
        ])
    func aTextIsOneLineWithoutComments(text: String, shown: String) {
        #expect(StatementText.display(text, length: 1000) == shown)
    }

    /// None of the commands that PostgreSQL keeps as they were sent lets a value through.
    @Test(
        arguments: [
            ("CREATE ROLE bob PASSWORD 'secret'", "CREATE ROLE bob PASSWORD '?'"),
            ("CREATE ROLE bob PASSWORD 'it''s secret' LOGIN", "CREATE ROLE bob PASSWORD '?' LOGIN"),
            (#"CREATE ROLE bob PASSWORD E'it\'s secret' LOGIN"#, "CREATE ROLE bob PASSWORD E'?'"),
            (#"SELECT f('C:\', 'secret')"#, "SELECT f('?'"),
            ("CREATE ROLE bob PASSWORD $$secret$$ LOGIN", "CREATE ROLE bob PASSWORD '?' LOGIN"),
            ("CREATE ROLE bob PASSWORD $a$se$$cret$a$ LOGIN", "CREATE ROLE bob PASSWORD '?' LOGIN"),
            ("CREATE ROLE bob PASSWORD U&'secret' LOGIN", "CREATE ROLE bob PASSWORD U&'?' LOGIN"),
            ("CREATE ROLE bob PASSWORD 'secret", "CREATE ROLE bob PASSWORD '?'"),
            ("CREATE ROLE bob PASSWORD $a$secret", "CREATE ROLE bob PASSWORD '?'"),
            ("SELECT 1 /* password=secret", "SELECT 1"),
            ("SELECT 1 -- password=secret", "SELECT 1"),
            ("SET app.token = secret", "SET app.token = ?"),
            (#"set local app.token to "secret""#, "set local app.token to ?"),
            ("ALTER ROLE bob SET app.token TO secret", "ALTER ROLE bob SET app.token TO ?"),
            (#"SELECT a"'"b, 'secret'"#, #"SELECT a"'"b, '?'"#),
        ])
    func noSecretIsShown(text: String, shown: String) {
        #expect(StatementText.display(text, length: 1000) == shown)
        #expect(!shown.contains("secret"))
    }

    /// Whatever stands before, a cut anywhere leaves nothing of a password to see.
    @Test func aTextThatIsCutShowsNoSecretEither() {
        let text = #"CREATE /* a ' */ ROLE "b'b" -- '"# + "\n" + #"PASSWORD 'secret' IN ROLE $x$secret$x$, E'secret'"#
        for length in 0...text.count {
            let shown = StatementText.display(String(text.prefix(length)), length: 1000)
            #expect(!shown.contains("se"), "\(shown)")
        }
    }

    @Test func aTextIsCutAtItsLimitInCharacters() {
        #expect(StatementText.display("SELECT ähnlich FROM t", length: 9) == "SELECT äh")
    }
}
