import Foundation
import Lab
import Testing

@testable import Containers

@Suite("Numbers in kernel files")
struct CgroupTextTests {
    @Test(
        "a number, max, or nothing",
        arguments: [
            ("0\n", 0), ("4096\n", 4096), ("4096", 4096), ("max\n", .infinity), ("max", .infinity),
            ("9223372036854771712\n", 9_223_372_036_854_771_712),
            ("999999999999999999\n", 1e18), ("1000000000000000001\n", 1e18),
            ("18446744073709551615\n", 0x1p64),
            ("18446744073709551616\n", nil), ("99999999999999999999\n", nil), ("00000000000000000000012\n", 12),
            ("-1\n", nil), ("", nil), ("\n", nil), ("12x\n", nil), ("maximum\n", nil), ("ma", nil), ("+1\n", nil),
            ("1.5\n", nil), ("12\r\n", nil), ("max\r\n", nil), ("12\0\n", nil), ("\0", nil), ("12\t\n", nil),
        ] as [(String, Double?)]
    )
    func number(text: String, expected: Double?) {
        #expect(read(text, .word(0)) == [expected])
    }

    @Test("words of a line")
    func words() {
        #expect(read("max 100000\n", .word(0), .word(1)) == [.infinity, 100_000])
        #expect(read("20000 100000", .word(1), .word(0)) == [100_000, 20_000])
        #expect(read("20000\n100000\n", .word(1)) == [nil])
        #expect(read("  7   8\n", .word(0), .word(1), .word(2)) == [7, 8, nil])
    }

    @Test("keys, whole and only once found, wherever they stand")
    func keys() {
        let text = "anon 1\nfile 2\nfile_mapped 3\ninactive_file 4\n"
        #expect(
            read(text, .key("file"), .key("inactive_file"), .key("anon"), .key("mapped"), .key("file_"))
                == [2, 4, 1, nil, nil]
        )
        #expect(read("usage_usec 12\nnr_periods", .key("nr_periods"), .key("usage_usec")) == [nil, 12])
        #expect(read("\nanon 5", .key("anon")) == [5])
        #expect(read("anon -5\nfile\n", .key("anon"), .key("file")) == [nil, nil])
        #expect(read("anon\n5\nfile 6\n", .key("anon"), .key("file")) == [nil, 6])
        #expect(read("anon 1\nanon 2\nfile 3\nanon 4\n", .key("file"), .key("anon")) == [3, 1])
    }

    @Test("the colons and units of /proc/meminfo")
    func meminfo() {
        #expect(
            read("MemTotal:         481296 kB\nSwapTotal:             0 kB\n", .key("MemTotal:"), .key("SwapTotal:"))
                == [481_296, 0]
        )
    }

    @Test("fields of a line")
    func fields() {
        let some = CgroupText.Position.field(key: "some", field: "total")
        let full = CgroupText.Position.field(key: "full", field: "total")
        let text = """
            some avg10=0.90 avg60=0.16 avg300=0.03 total=120133
            full avg10=0.72 avg60=0.13 avg300=0.02 total=118968

            """
        #expect(read(text, some, full) == [120_133, 118_968])
        #expect(read(text, full, .field(key: "some", field: "avg10")) == [118_968, nil])
        #expect(read("some avg10=0.00 total=5", some, full) == [5, nil])
        #expect(read("some avg10=0.00\nfull total=5\n", some, full) == [nil, 5])
        #expect(read("some subtotal=7 total 8 total= total=9\n", some) == [nil])
        #expect(read("some subtotal=7 total 8 total=9\n", some) == [9])
        #expect(read("sometotal=7\n total=7\n", some) == [nil])
    }

    @Test("lines that begin with a number")
    func lines() {
        #expect(read("", .lines("")) == [0])
        #expect(read("1\n", .lines("")) == [1])
        #expect(read("12\n345\n\n0\n7", .lines("")) == [4])
        #expect(read("cpu  1 2\ncpu0 1\ncpu12 3\ncpux 4\nintr 5\ncpu", .lines("cpu")) == [2])
    }

    @Test(
        "lists of CPUs",
        arguments: [
            ("0-3\n", 4), ("0\n", 1), ("0-3,8,10-11\n", 7), ("5", 1), ("0-1048575\n", 1_048_576),
            ("\n", nil), ("", nil), ("0-\n", nil), ("-3\n", nil), ("3-1\n", nil), ("0,,1\n", nil), ("0-1-2\n", nil),
            ("a\n", nil), ("0 1\n", nil), ("0-99999999999999999999\n", nil), ("0,\n", nil),
        ] as [(String, Double?)])
    func cpus(text: String, expected: Double?) {
        #expect(read(text, .cpus) == [expected])
    }

    @Test("a layout is tried on what comes after it, and is not believed")
    func layout() {
        let parser = CgroupParser([(.key("anon"), 0), (.key("file"), 1), (.key("slab"), 2)])
        func read(_ text: String) -> [Double?] {
            parser.values(in: Array(text.utf8), count: 3)
        }
        #expect(read("anon 1\nother 9\nfile 2\nslab 3\nzz 4\n") == [1, 2, 3])
        // The same layout, with other lengths.
        #expect(read("anon 1000\nother 99999\nfile 20\nslab 3\n") == [1000, 20, 3])
        // Less, more, in another order, of other lengths, cut in each place, and again as it was.
        #expect(read("anon 1\nother 9\n") == [1, nil, nil])
        #expect(read("slab 3\n") == [nil, nil, 3])
        #expect(read("anon 1\nnew 5\nother 9\nfile 2\nslab 3\n") == [1, 2, 3])
        #expect(read("slab 3\nfile 2\nanon 1\n") == [1, 2, 3])
        #expect(read("other 9\nother 8\nother 7\nanon 1\n") == [1, nil, nil])
        #expect(read("anon\nother 9\nfile 2\nslab 3\n") == [nil, 2, 3])
        #expect(read("anon 1\nother 9\nfile 2\nslab") == [1, 2, nil])
        #expect(read("anon x\nother 9\nfile -2\nslab 3\n") == [nil, nil, 3])
        #expect(read("") == [nil, nil, nil])
        #expect(read("anon 1\nother 9\nfile 2\nslab 3\nzz 4\n") == [1, 2, 3])

        // What the first file did not have may come with a later one.
        let short = CgroupParser([(.key("usage_usec"), 0), (.key("nr_periods"), 1)])
        for (text, expected) in [
            ("usage_usec 5\nuser_usec 4\n", [5, nil]), ("usage_usec 6\nuser_usec 4\nnr_periods 2\n", [6, 2]),
            ("usage_usec 7\nuser_usec 4\n", [7, nil]), ("usage_usec 8\nuser_usec 4\nnr_periods 3\n", [8, 3]),
        ] as [(String, [Double?])] {
            #expect(short.values(in: Array(text.utf8), count: 2) == expected)
        }
    }

    @Test("lines and texts of a mebibyte")
    func long() {
        let line = String(repeating: "x", count: 1 << 20)
        #expect(read("\(line)\nanon 5\n", .key("anon")) == [5])
        #expect(read("\(line) 7\nanon 5\n", .key("anon"), .word(0), .word(1)) == [5, nil, 7])
        #expect(read(String(repeating: "9", count: 1 << 20), .word(0)) == [nil])
        #expect(read(String(repeating: "\n", count: 1 << 20) + "anon 5\n", .key("anon")) == [5])
        #expect(read(String(repeating: "1\n", count: 1 << 19), .lines("")) == [Double(1 << 19)])
        #expect(read(String(repeating: "1,", count: 1 << 19) + "1\n", .cpus) == [Double(1 << 19 + 1)])
        // Not a layout to be kept, but found each time.
        let parser = CgroupParser([(.key("anon"), 0)])
        for number in [5.0, 6] {
            let bytes = Array((String(repeating: "file 1\n", count: 10_000) + "anon \(Int(number))\n").utf8)
            #expect(parser.values(in: bytes, count: 1) == [number])
        }
    }

    @Test(
        "any bytes give only numbers that stand in them, and the same ones with a layout and without", arguments: 0..<8)
    func anything(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let wanted: [CgroupText.Position] = [
            .word(0), .word(1), .key("anon"), .key("file"), .key("max"), .field(key: "some", field: "total"), .cpus,
            .lines("cpu"),
        ]
        let parts = [
            "anon", "file", "filed", "some", "total=", "max", "cpu0", "0-3", " ", " ", "\n", "\n", "\r\n", "\0",
        ]
        let learned = CgroupParser(wanted.enumerated().map { ($0.element, $0.offset) })
        for _ in 1...3_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<24, using: &random) {
                switch Int.random(in: 0..<8, using: &random) {
                case 0: bytes.append(UInt8(truncatingIfNeeded: random.next()))
                case 1...2: bytes += Array(String(random.next() >> Int.random(in: 0..<64, using: &random)).utf8)
                default: bytes += Array(parts[Int.random(in: parts.indices, using: &random)].utf8)
                }
            }
            let values = learned.values(in: bytes, count: wanted.count)
            let numbers = Set(
                bytes.split { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                    .compactMap { UInt64(String(decoding: $0, as: UTF8.self)).map { Double($0) } })
            for case .some(let value) in values[0..<6] {
                #expect(value == .infinity ? bytes.contains(UInt8(ascii: "m")) : numbers.contains(value), "\(bytes)")
            }
            #expect(values[7] ?? -1 <= Double(bytes.count { $0 == UInt8(ascii: "c") }), "\(bytes)")

            // A layout may be taken for one with a key twice; where all keys are different it changes nothing.
            let keys = bytes.split(separator: UInt8(ascii: "\n")).map { $0.prefix { $0 != UInt8(ascii: " ") } }
            if Set(keys).count == keys.count {
                let fresh = CgroupParser(wanted.enumerated().map { ($0.element, $0.offset) })
                #expect(values == fresh.values(in: bytes, count: wanted.count), "\(bytes)")
            }
        }
    }

    @Test("the same from every cut of a real file")
    func cut() throws {
        let path = "\(Fixture.loaded.cgroupfs)/system.slice/memory.stat"
        let bytes = Array(try Data(contentsOf: URL(filePath: path)))
        let wanted = ["anon", "file", "kernel", "inactive_file", "pgmajfault", "zswap", "pgscan"]
        let learned = CgroupParser(wanted.enumerated().map { (.key($0.element), $0.offset) })
        for length in (0...bytes.count).reversed() {
            let part = Array(bytes[..<length])
            let fresh = CgroupParser(wanted.enumerated().map { (.key($0.element), $0.offset) })
            #expect(
                learned.values(in: part, count: wanted.count) == fresh.values(in: part, count: wanted.count))
        }
    }

    private func read(_ text: String, _ positions: CgroupText.Position...) -> [Double?] {
        let bytes = Array(text.utf8)
        let parser = CgroupParser(positions.enumerated().map { ($0.element, $0.offset) })
        let values = parser.values(in: bytes, count: positions.count)
        // Again, by the layout that was found.
        #expect(parser.values(in: bytes, count: positions.count) == values)
        return values
    }
}
