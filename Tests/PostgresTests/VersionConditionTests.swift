import Testing

@testable import Postgres

struct VersionConditionTests {
    /// As `server_version_num` has them: 9.6.24, 10.23, 13.14, 14.0, 14.3, 15.20, 18.1.
    private let servers = [90_624, 100_023, 130_014, 140_000, 140_003, 150_020, 180_001]

    @Test(arguments: [
        (">=10.0.0", "-++++++"), (">=10.0.0 <15.0.0", "-++++--"), (">= 10.0.0  < 15.0.0", "-++++--"),
        (">=10.0.0<15.0.0", "-++++--"), ("<10", "+------"), ("<=14", "+++++--"), ("<=14.0.0", "++++---"),
        (">14", "-----++"), (">14.0", "----+++"), ("14", "---++--"), ("=14.x", "---++--"), ("==14.3.0", "----+--"),
        ("!=14.3.0", "++++-++"), ("!14.x.x", "+++--++"), ("9.6", "+------"), (">9.6.23", "+++++++"),
        ("<9.6.24", "-------"), ("<13 || >=15", "++---++"), (">=10 !=14.3 <15 || 9.*", "++++---"),
    ])
    func serversAreInOrOut(text: String, expected: String) throws {
        let condition = try #require(VersionCondition(text))
        #expect(servers.map { condition.contains($0) ? "+" : "-" }.joined() == expected)
    }

    @Test func anyIsEveryServer() {
        #expect(servers.allSatisfy(VersionCondition.any.contains))
    }

    @Test(arguments: [
        "", " ", ">", ">=", "ten", ">=10.", ">=10..1", "10.0.0.0", ">=-1", "x", "x.1", "10.x.1", "=>10", "<>10",
        "10 ||", "|| 10", "10 | 11", ">=10,<15", "10.0.0-beta1", "99999999999999999999", "100000", "^10", "~10", "٣",
    ])
    func whatIsNoConditionIsRefused(text: String) {
        #expect(VersionCondition(text) == nil)
    }
}
