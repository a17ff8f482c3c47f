import Testing

@testable import Containers

@Suite("Numbers in kernel files")
struct CgroupTextTests {
    @Test(
        "a number, max, or nothing",
        arguments: [
            ("0\n", 0), ("4096\n", 4096), ("4096", 4096), ("max\n", .infinity),
            ("9223372036854771712\n", 9_223_372_036_854_771_712),
            ("18446744073709551615\n", 0x1p64),
            ("18446744073709551616\n", nil), ("99999999999999999999\n", nil),
            ("-1\n", nil), ("", nil), ("\n", nil), ("12x\n", nil), ("maximum\n", nil), ("+1\n", nil), ("1.5\n", nil),
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
        #expect(read("  7   8\n", .word(0), .word(1)) == [7, 8])
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
    }

    @Test("the colons and units of /proc/meminfo")
    func meminfo() {
        #expect(
            read("MemTotal:         481296 kB\nSwapTotal:             0 kB\n", .key("MemTotal:"), .key("SwapTotal:"))
                == [481_296, 0]
        )
    }

    private func read(_ text: String, _ positions: CgroupText.Position...) -> [Double?] {
        var values = [Double?](repeating: nil, count: positions.count)
        let wanted = positions.enumerated().map { CgroupText.Wanted($0.element, slot: $0.offset) }
        let bytes = Array(text.utf8)
        CgroupText.read(bytes.span, wanted, into: &values)
        return values
    }
}
