/// By which the kernel's files name a block device.
struct DeviceNumber: Hashable {
    let major: UInt32
    let minor: UInt32

    init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// Reads `8:16`. Anything else is none: lines of `blkio` files that begin with `Total`, and those of `io.stat` that
    /// begin with `(unknown)`, which stand for the paths below a multipath device and are counted in its own line.
    init?(_ text: Span<UInt8>, _ range: Range<Int>) {
        var colon = range.lowerBound
        while colon < range.upperBound, text[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon < range.upperBound, let major = text.integer(range.lowerBound..<colon),
            let minor = text.integer(colon + 1..<range.upperBound)
        else { return nil }
        self.init(major: major, minor: minor)
    }
}

/// A block device as labels show it.
final class BlockDevice {
    /// `device`.
    let labels: FurtherLabels
    private let pairs: [(String, String)]
    private var operations: [String: FurtherLabels] = [:]

    /// - Parameter name: Where it is unknown, the number stands for it: as unique as a name, which "" would not be.
    fileprivate init(_ number: DeviceNumber, name: String?, _ reader: CgroupReader) {
        let device = ("device", name.map { "/dev/\($0)" } ?? "\(number.major):\(number.minor)")
        labels = reader.further([device])
        pairs = [device, ("major", "\(number.major)"), ("minor", "\(number.minor)")]
    }

    /// `device`, `major`, `minor` and `operation`.
    func labels(ofOperation operation: String, _ reader: CgroupReader) -> FurtherLabels {
        if let known = operations[operation] { return known }
        let labels = reader.further(pairs + [("operation", operation)])
        operations[operation] = labels
        return labels
    }
}

/// The names of block devices, which `/proc/partitions` tells to everybody, also within a container.
///
/// It is read at every scrape, which costs as much as a cgroup's file, and understood anew when it has changed: the
/// minor numbers of NVMe disks and of partitions are given to the next that comes when one has gone.
final class BlockDevices {
    /// The most devices of a cgroup that are shown, and the most that are remembered.
    static let maximumCount = 1024

    /// How ``DiskIO`` reads the hierarchies there are.
    var layout: DiskIO.Layout?
    private var text: [UInt8] = []
    private var names: [DeviceNumber: String] = [:]
    private var devices: [DeviceNumber: BlockDevice] = [:]

    /// - Parameter partitions: The text of `/proc/partitions`.
    func update(_ partitions: Span<UInt8>) {
        guard !partitions.holds(text, at: 0..<partitions.count) else { return }
        text = partitions.withUnsafeBufferPointer { Array($0) }
        names = [:]
        devices = [:]
        var lines = CgroupLines()
        repeat {
            guard let major = partitions.integer(lines.word(of: partitions)),
                let minor = partitions.integer(lines.word(of: partitions)),
                !lines.word(of: partitions).isEmpty
            else { continue }
            let name = lines.word(of: partitions)
            if !name.isEmpty { names[DeviceNumber(major: major, minor: minor)] = partitions.string(name) }
        } while lines.next(in: partitions)
    }

    /// The device of a number, also of one that the list does not have.
    func device(_ number: DeviceNumber, _ reader: CgroupReader) -> BlockDevice {
        if let known = devices[number] { return known }
        let device = BlockDevice(number, name: names[number], reader)
        if devices.count < Self.maximumCount { devices[number] = device }
        return device
    }
}
