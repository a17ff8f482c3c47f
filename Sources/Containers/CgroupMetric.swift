import Exposition
import Glibc

/// A number in a cgroup file, written as the kernel's documentation does: `memory.stat: anon`, `cpu.pressure: some total`
/// for a field of a line, or `memory.current` alone where the file has one number only.
struct CgroupField: Hashable, ExpressibleByStringLiteral {
    let file: String
    let position: CgroupText.Position
    /// The controller whose hierarchy on v1 has the file.
    let controller: String

    init(stringLiteral text: String) {
        guard let colon = text.firstRange(of: ": ") else {
            self.init(text, .word(0))
            return
        }
        let words = text[colon.upperBound...].split(separator: " ").map(String.init)
        let position = words.count == 2 ? CgroupText.Position.field(key: words[0], field: words[1]) : .key(words[0])
        self.init(String(text[..<colon.lowerBound]), position)
    }

    /// The nth word of a file's only line, from 0.
    static func word(_ index: Int, of file: String) -> CgroupField { CgroupField(file, .word(index)) }
    /// The number behind a key.
    ///
    /// - Parameter controller: The one that it is of, where the file is not named after it.
    static func key(_ key: String, of file: String, in controller: String) -> CgroupField {
        CgroupField(file, .key(key), in: controller)
    }
    /// How many CPUs are in a file's list of them.
    static func cpus(in file: String) -> CgroupField { CgroupField(file, .cpus) }
    /// How many lines a file has that begin with a prefix and a digit.
    ///
    /// - Parameter controller: In whose v1 hierarchy it is looked for, where all have it.
    static func lines(of file: String, _ prefix: String = "", in controller: String? = nil) -> CgroupField {
        CgroupField(file, .lines(prefix), in: controller)
    }

    /// - Parameter controller: The one that makes the file, by default the one that its name begins with.
    private init(_ file: String, _ position: CgroupText.Position, in controller: String? = nil) {
        self.file = file
        self.position = position
        self.controller = controller ?? String(file.prefix { $0 != "." })
    }
}

extension CgroupFile {
    /// Files that say what somebody wrote to them, and change at no other time.
    private static let settings: Set<String> = [
        "cpu.max", "cpu.weight", "cpuset.cpus", "memory.high", "memory.low", "memory.max", "memory.min",
        "memory.swap.max", "pids.max",
        "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.shares", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
    ]

    /// Whether the file only changes when somebody writes to it.
    var isSetting: Bool { hierarchy != .procfs && Self.settings.contains(name) }
}

/// What is made of the kernel's number.
enum CgroupUnit {
    case plain
    case microseconds, nanoseconds
    /// USER_HZ, which is 100 on every architecture Linux and Swift share.
    case ticks
    /// `/proc/meminfo`'s kB.
    case kibibytes
    /// What may not be exceeded: 0 for no limit. v2 says `max`; v1 the largest multiple of the page size below 2^63, so
    /// everything above 2^62 is no limit.
    case limit
    /// The same, but no value where there is no limit.
    case bound
    /// v2's `cpu.weight`, turned back into the `cpu.shares` it was made of.
    case weight

    /// Whether a value leaves nothing for another source to tell.
    func settles(_ value: Double) -> Bool { value > 0 || self != .limit }

    /// - Returns: `nil` where the number says that there is none.
    func value(_ number: Double) -> Double? {
        switch self {
        case .plain: number.isFinite ? number : nil
        case .microseconds: number.isFinite ? number / 1e6 : nil
        case .nanoseconds: number.isFinite ? number / 1e9 : nil
        case .ticks: number.isFinite ? number / 100 : nil
        case .kibibytes: number.isFinite ? number * 1024 : nil
        case .limit: number > 0x1p62 ? 0 : number
        case .bound: number > 0x1p62 ? nil : number
        case .weight: CPUWeight(number)?.shares
        }
    }
}

/// A `cpu.weight` of cgroup v2, which runtimes make of the `cpu.shares` that users know.
struct CPUWeight {
    private let weight: Double

    /// `nil` where it is none.
    init?(_ weight: Double) {
        guard (1...10_000).contains(weight) else { return nil }
        self.weight = weight
    }

    /// The inverse of the curve by which runc 1.3.2 and crun 1.23 turn shares into a weight,
    /// `weight = 10^((l² + 125 l) / 612 - 7/34)` with `l = log2(shares)`: 100 is 1024 again. (The linear formula before
    /// it made 39 of 1024; which of the two a runtime used cannot be told from the weight.)
    var shares: Double {
        let exponent = (-125 + (15_625 + 2_448 * (log10(weight) + 7.0 / 34)).squareRoot()) / 2
        return exp2(exponent).rounded()
    }

    /// The shares that the user wrote, where the weight was made of them by the curve or by the formula before it;
    /// otherwise somebody changed the weight since, and it is the weight that counts.
    ///
    /// - Parameter shares: As they were found from the weight.
    static func shares(_ shares: Double, toldBy details: ContainerDetails) -> Double {
        guard let told = details.cpuShares, (2...262_144).contains(told) else { return shares }
        let logarithm = log2(Double(told))
        let curve = pow(10, (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34)
        let line = Double(1 + ((told - 2) * 9_999) / 262_142)
        // A power may come out a little above the whole number that it is.
        return [(curve - 1e-9).rounded(.up), line].contains { CPUWeight($0)?.shares == shares } ? Double(told) : shares
    }
}

/// How a value comes about from one or more numbers of the same unit.
struct CgroupSource: Hashable, ExpressibleByStringLiteral {
    /// Added up, those that this kernel has.
    let fields: [CgroupField]
    /// Taken off the sum, which stays at least zero: the kernel tells the two at different moments.
    let less: CgroupField?
    /// What it is divided by; no value where this is zero.
    let per: CgroupField?
    let unit: CgroupUnit

    private init(_ fields: [CgroupField], less: CgroupField? = nil, per: CgroupField? = nil, _ unit: CgroupUnit) {
        self.fields = fields
        self.less = less
        self.per = per
        self.unit = unit
    }

    init(stringLiteral field: String) {
        self.init([CgroupField(stringLiteral: field)], .plain)
    }

    static func plain(_ fields: CgroupField..., less: CgroupField? = nil, per: CgroupField? = nil) -> CgroupSource {
        CgroupSource(fields, less: less, per: per, .plain)
    }
    static func kibibytes(_ field: CgroupField, less: CgroupField? = nil) -> CgroupSource {
        CgroupSource([field], less: less, .kibibytes)
    }
    static func microseconds(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .microseconds) }
    static func nanoseconds(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .nanoseconds) }
    static func ticks(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .ticks) }
    static func limit(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .limit) }
    static func bound(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .bound) }
    static func weight(_ field: CgroupField) -> CgroupSource { CgroupSource([field], .weight) }

    /// The controller that makes its files.
    var controller: String { fields.first?.controller ?? "" }
}

/// Where a value is found on each kind of host.
struct CgroupColumns: Hashable {
    /// Which of several sources counts.
    enum Rule {
        /// The first that gives a value; a limit of 0, which is none, gives way to the machine's at the top. Files that
        /// only later sources need are only read where these are reached.
        case first
        /// The largest. v2 is looked at too where the controller is v1's: what every v2 cgroup has without any
        /// controller. v2's is the more precise, v1's the larger where not all processes were put into v2's cgroup. The
        /// larger of two counters is a counter.
        case hybrid
        /// The least of all, the cgroup's own and those of everything that it is in, up to the machine's at the top.
        case leastOfPath
    }

    /// In cgroup v2.
    var v2: [CgroupSource] = []
    /// In the hierarchies of the v1 controllers the files are named after.
    var v1: [CgroupSource] = []
    /// In `/proc`, of the whole machine, for the top cgroup alone.
    var top: [CgroupSource] = []
    var rule = Rule.first

    /// The sources that can give a value with these hierarchies.
    func sources(in mounts: CgroupMounts) -> [(CgroupSource, Hierarchy)] {
        func isV1(_ source: CgroupSource) -> Bool {
            mounts.directories[.v1(source.controller)] != nil
        }
        return v2.filter { mounts.directories[.v2] != nil && (rule == .hybrid || !isV1($0)) }.map { ($0, .v2) }
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
    /// What the value is divided by; it is only there where this is more than zero.
    let ratio: CgroupColumns?
    /// Which kernels have it, where not all have: `Linux 5.15+`.
    let versions: String?
    /// The metric is only there where this has a value.
    let condition: CgroupColumns?
    /// What the runtime told may be better than what the kernel did.
    let correction: (@Sendable (Double, ContainerDetails) -> Double)?

    init(
        _ name: String,
        _ type: MetricType,
        _ help: String,
        labels: [(String, String)] = [],
        _ columns: CgroupColumns,
        per ratio: CgroupColumns? = nil,
        versions: String? = nil,
        onlyWith condition: CgroupColumns? = nil,
        correctedBy correction: (@Sendable (Double, ContainerDetails) -> Double)? = nil
    ) {
        descriptor = MetricDescriptor(name, type, help)
        self.labels = labels
        self.columns = columns
        self.ratio = ratio
        self.versions = versions
        self.condition = condition
        self.correction = correction
    }

    init(
        _ name: String,
        _ type: MetricType,
        _ help: String,
        labels: [(String, String)] = [],
        v2: [CgroupSource] = [],
        v1: [CgroupSource] = [],
        top: [CgroupSource] = [],
        rule: CgroupColumns.Rule = .first,
        versions: String? = nil,
        onlyWith condition: CgroupColumns? = nil,
        correctedBy correction: (@Sendable (Double, ContainerDetails) -> Double)? = nil
    ) {
        self.init(
            name, type, help, labels: labels, CgroupColumns(v2: v2, v1: v1, top: top, rule: rule), versions: versions,
            onlyWith: condition, correctedBy: correction)
    }
}
