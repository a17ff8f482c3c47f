import Scraping
import Testing

struct JSONTextTests {
    private func json(_ text: String) -> JSONText? { JSONText(Array(text.utf8)) }

    @Test func valuesAreFoundWhereTheyAre() throws {
        let text = try #require(
            json(#" {"a": {"b": [1, -2.5e3, "x,]\"}", true, null, {}]}, "c": "d", "a": 2, "e" : false } "#))
        let elements = try #require(text["a"]?["b"]).elements
        #expect(elements.count == 6)
        #expect(elements[0].number == 1 && elements[0].isInteger)
        #expect(elements[1].number == -2500 && !elements[1].isInteger)
        #expect(elements[2].string == #"x,]"}"#)
        #expect(elements[3].boolean == true)
        #expect(elements[4].string == nil && elements[4].number == nil && elements[4].boolean == nil)
        #expect(elements[5].members.isEmpty)
        #expect(text["c"]?.string == "d")
        #expect(text["c"]?["d"] == nil)
        #expect(text["e"]?.boolean == false)
        #expect(text["f"] == nil)
        #expect(text.members.map(\.name) == ["a", "c", "a", "e"])
    }

    @Test(arguments: [
        (#""\u0041\n\/\\""#, "A\n/\\"), (#""\ud83d\ude00""#, "😀"), (#""\ud83dx""#, "\u{fffd}x"),
        (#""\uzzzz""#, "\u{fffd}zzzz"),
        (#""é""#, "é"),
    ])
    func escapes(text: String, expected: String) {
        #expect(json(text)?.string == expected)
    }

    @Test func namesMayBeEscaped() {
        #expect(json(#"{"\u0061": 1}"#)?["a"]?.number == 1)
    }

    @Test(arguments: ["", " ", "{", #"{"a"#, #"{"a":"#, "[1,", #""a"#, "]", #"{"a":1"#, #""\"#])
    func cutOffIsNothing(_ text: String) {
        let value = json(text)
        #expect(value?["a"] == nil)
        #expect(value?.string == nil)
        #expect(value?.number == nil)
    }

    @Test func nestingTakesNoStack() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(json(deep) == nil)
        #expect(json(deep + String(repeating: "]", count: 1_000_000))?.elements.count == 1)
    }

    @Test func anyBytesAreNoCrash() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]",:\u00e1ntrue-1.5 "#.utf8) + [0, 0xff]
        for _ in 0..<2000 {
            let text = (0..<40).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            guard let value = JSONText(text) else { continue }
            _ = (
                value.string, value.number, value.boolean, value["n"], value.elements.map(\.string), value.members.count
            )
        }
    }
}
