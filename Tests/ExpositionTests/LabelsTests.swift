import Testing

@testable import Exposition

struct LabelsTests {
    @Test(arguments: [
        ("plain", #"{a="plain"}"#),
        ("", #"{a=""}"#),
        (#"back\slash"#, #"{a="back\\slash"}"#),
        (#"say "hi""#, #"{a="say \"hi\""}"#),
        ("two\nlines", #"{a="two\nlines"}"#),
        (#"\n"#, #"{a="\\n"}"#),
        ("tab\tand\rreturn", "{a=\"tab\tand\rreturn\"}"),
        ("größe 🐘", #"{a="größe 🐘"}"#),
        ("{a=\"b\"},", #"{a="{a=\"b\"},"}"#),
    ])
    func valuesAreEscapedAndReadBackAsTheyWere(value: String, rendered: String) {
        let labels: Labels = ["a": value]
        #expect(labels.description == rendered)
        #expect(labels["a"] == value)
    }

    @Test func orderOfWritingDoesNotMatter() {
        let one: Labels = ["datname": "app", "datid": "5"]
        let other: Labels = ["datid": "5", "datname": "app"]
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one.description == #"{datid="5",datname="app"}"#)
    }

    @Test func addingKeepsTheOrder() {
        let labels: Labels = ["collector": "wal", "reason": "locked"]
        let all = Labels([("target", "main"), ("reason", "locked"), ("collector", "wal"), ("a", "x,\"}")])
        #expect(labels.adding("target", "main").adding("a", "x,\"}") == all)
        #expect(labels.adding("d", "") == ["collector": "wal", "d": "", "reason": "locked"])
        #expect(Labels.none.adding("cpu", "total") == ["cpu": "total"])
        #expect(labels.adding("reason", "other") == labels)
    }

    @Test(arguments: [
        ("com.docker.compose.project", "com_docker_compose_project"),
        ("9lives", "_9lives"), ("größe", "gr__e"), ("", "_"), ("ok_Name1", "ok_Name1"),
    ])
    func namesAreMadeLegal(name: String, legal: String) {
        #expect(Labels([(name, "v")]).description == "{\(legal)=\"v\"}")
    }

    @Test func theFirstOfTwoEqualNamesStays() {
        #expect(Labels([("a.b", "1"), ("a-b", "2"), ("a", "0")]) == ["a": "0", "a_b": "1"])
    }

    @Test func longValuesAreCutAtACharactersEdge() {
        let limit = Labels.maximumValueLength
        #expect(Labels([("a", String(repeating: "x", count: limit))])["a"]?.count == limit)
        #expect(Labels([("a", String(repeating: "x", count: limit + 1))])["a"]?.count == limit)
        // Three bytes a character: 1024 is not a multiple.
        let cut = Labels([("a", String(repeating: "€", count: limit))])["a"]
        #expect(cut == String(repeating: "€", count: limit / 3))
    }
}
