import Exposition
import Glibc

/// A number in a cgroup file, written as the kernel's documentation does: `memory.stat: anon`, or `memory.current` alone
/// where the file has one number only.
struct CgroupField: Hashable, ExpressibleByStringLiteral {
    let file: String
    let position: CgroupText.Position

    init(stringLiteral text: String) {
        if let colon = text.firstRange(of: ": ") {
            file = String(text[..<colon.lowerBound])
            position = .key(String(text[colon.upperBound...]))
        } else {
            file = text
            position = .word(0)
        }
    }

    /// The nth word of a file's only line, from 0.
    static func word(_ index: Int, of file: String) -> CgroupField {
        CgroupField(file: file, position: .word(index))
    }

    private init(file: String, position: CgroupText.Position) {
        self.file = file
        self.position = position
    }

    /// The controller that makes the file: a cgroup file's name begins with it, and a v1 hierarchy is mounted by it.
    var controller: String {
        String(file.prefix { $0 != "." })
    }
}

/// What is made of the kernel's number.
enum CgroupUnit {
    case plain
    case microseconds, nanoseconds
    /// USER_HZ, which is 100 on every architecture Linux and Swift share.
    case ticks
    /// `/proc/meminfo`'s kB.
    case kibibytes
    /// Bytes that may not be exceeded: 0 for none. v2 says `max`; v1 the largest multiple of the page size below 2^63,
    /// so everything above 2^62 is no limit.
    case limit
    /// v2's `cpu.weight`, turned back into the `cpu.shares` it was made of.
    case weight

    /// - Returns: `nil` where the number says that there is none.
    func value(_ number: Double) -> Double? {
        if case .limit = self { return number > 0x1p62 ? 0 : number }
        guard number.isFinite else { return nil }
        return switch self {
        case .plain, .limit: number
        case .microseconds: number / 1e6
        case .nanoseconds: number / 1e9
        case .ticks: number / 100
        case .kibibytes: number * 1024
        case .weight: Self.shares(ofWeight: number)
        }
    }

    /// The inverse of the curve by which runc 1.3.2 and crun 1.23 turn shares into a weight,
    /// `weight = 10^((l² + 125 l) / 612 - 7/34)` with `l = log2(shares)`: 100 is 1024 again. (The linear formula before
    /// it made 39 of 1024; which of the two a runtime used cannot be told from the weight.)
    static func shares(ofWeight weight: Double) -> Double? {
        guard (1...10_000).contains(weight) else { return nil }
        let exponent = (-125 + (15_625 + 2_448 * (log10(weight) + 7.0 / 34)).squareRoot()) / 2
        return exp2(exponent).rounded()
    }
}

/// How a value comes about from one or more numbers of the same unit.
struct CgroupSource: ExpressibleByStringLiteral {
    /// Added up, those that this kernel has.
    let fields: [CgroupField]
    /// Taken off the sum, which stays at least zero: the kernel tells the two at different moments.
    let less: CgroupField?
    let unit: CgroupUnit

    private init(_ fields: [CgroupField], less: CgroupField? = nil, _ unit: CgroupUnit) {
        self.fields = fields
        self.less = less
        self.unit = unit
    }

    init(stringLiteral field: String) {
        self.init([CgroupField(stringLiteral: field)], .plain)
    }

    static func plain(_ fields: CgroupField..., less: CgroupField? = nil) -> CgroupSource {
        CgroupSource(fields, less: less, .plain)
    }
    static func kibibytes(_ field: CgroupField, less: CgroupField? = nil) -> CgroupSource {
        CgroupSource([field], less: less, .kibibytes)
    }
    static func microseconds(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .microseconds) }
    static func nanoseconds(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .nanoseconds) }
    static func ticks(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .ticks) }
    static func limit(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .limit) }
    static func weight(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .weight) }

    /// The controller that makes its files.
    var controller: String { fields.first?.controller ?? "" }
}

/// Where a value is found on each kind of host.
///
/// Sources are tried in order and the first that gives more than zero is taken, so that a limit of 0, which is none,
/// gives way to the machine's at the top.
struct CgroupColumns {
    /// In cgroup v2.
    var v2: [CgroupSource] = []
    /// In the hierarchies of the v1 controllers the files are named after.
    var v1: [CgroupSource] = []
    /// In `/proc`, of the whole machine, for the top cgroup alone.
    var top: [CgroupSource] = []
    /// Whether v2 is looked at too where the controller is v1's: what every v2 cgroup has without any controller. The
    /// larger value is taken: v2's for its precision, v1's where not all processes were put into v2's cgroup. The larger
    /// of two counters is a counter.
    var isHybrid = false

    /// The sources that can give a value with these hierarchies.
    func sources(in mounts: CgroupMounts) -> [(CgroupSource, Hierarchy)] {
        func isV1(_ source: CgroupSource) -> Bool {
            mounts.directories[.v1(source.controller)] != nil
        }
        return v2.filter { mounts.directories[.v2] != nil && (isHybrid || !isV1($0)) }.map { ($0, .v2) }
            + v1.filter(isV1).map { ($0, .v1($0.controller)) }
            + top.map { ($0, .procfs) }
    }
}

/// A row of a collector's table: a metric and where it is found.
struct CgroupMetric {
    let descriptor: MetricDescriptor
    /// Beside the cgroup's own. Rows of one name that differ in these are series of one family.
    let labels: [(String, String)]
    let columns: CgroupColumns
    /// Which kernels have it, where not all have: `Linux 5.15+`.
    let versions: String?
    /// The metric is only there where this has a value.
    let condition: CgroupColumns?

    init(
        _ name: String,
        _ type: MetricType,
        _ help: String,
        labels: [(String, String)] = [],
        v2: [CgroupSource] = [],
        v1: [CgroupSource] = [],
        top: [CgroupSource] = [],
        hybrid: Bool = false,
        versions: String? = nil,
        onlyWith condition: CgroupColumns? = nil
    ) {
        descriptor = MetricDescriptor(name, type, help)
        self.labels = labels
        columns = CgroupColumns(v2: v2, v1: v1, top: top, isHybrid: hybrid)
        self.versions = versions
        self.condition = condition
    }
}
