import Exposition
import Scraping

/// What cgroups read from and wrote to disks.
///
/// v2 has it all in `io.stat`. v1 counts in the I/O scheduler (`blkio.bfq`, before Linux 5.0 CFQ's `blkio`), where a
/// disk has one that does, and in `blkio.throttle`; which of them counts here, the top cgroup tells. What a kernel does
/// not count for each cgroup (`/proc/diskstats` has more of whole disks) is absent.
struct DiskIO: ContainerCollector {
    /// A family, or one of the operations of one, and where its number stands.
    fileprivate struct Row {
        let descriptor: MetricDescriptor
        /// In `io.stat`: `rbytes=4096`.
        var key: String?
        /// In v1: a file by the end of its name, and a line's word in it.
        var blkio: (file: String, word: String)?
        /// What the number is divided by.
        var divisor = 1.0
        var operation: String?
    }

    private static func row(
        _ name: String, _ help: String, type: MetricType = .counter, key: String? = nil,
        blkio: (file: String, word: String)? = nil, divisor: Double = 1, operation: String? = nil
    ) -> Row {
        Row(
            descriptor: MetricDescriptor(name, type, help), key: key, blkio: blkio, divisor: divisor,
            operation: operation)
    }

    /// The kernel's sectors have 512 bytes, whatever the disk's have.
    private static let sector = 512.0

    private static let rows: [Row] =
        [
            row(
                "container_fs_reads_bytes_total", "Bytes read from the device.",
                key: "rbytes", blkio: ("io_service_bytes", "Read")),
            row(
                "container_fs_writes_bytes_total", "Bytes written to the device.",
                key: "wbytes", blkio: ("io_service_bytes", "Write")),
            row(
                "container_fs_discards_bytes_total", "Bytes of the device that were given up (discarded).",
                key: "dbytes", blkio: ("io_service_bytes", "Discard")),
            row("container_fs_reads_total", "Reads.", key: "rios", blkio: ("io_serviced", "Read")),
            row("container_fs_writes_total", "Writes.", key: "wios", blkio: ("io_serviced", "Write")),
            row("container_fs_discards_total", "Discards.", key: "dios", blkio: ("io_serviced", "Discard")),
            row(
                "container_fs_sector_reads_total", "Sectors of 512 bytes read.",
                key: "rbytes", blkio: ("io_service_bytes", "Read"), divisor: sector),
            row(
                "container_fs_sector_writes_total", "Sectors of 512 bytes written.",
                key: "wbytes", blkio: ("io_service_bytes", "Write"), divisor: sector),
            row(
                "container_fs_reads_merged_total", "Reads that were joined to another before the device saw them.",
                blkio: ("io_merged", "Read")),
            row(
                "container_fs_writes_merged_total", "Writes that were joined to another before the device saw them.",
                blkio: ("io_merged", "Write")),
            row(
                "container_fs_read_seconds_total", "Time from handing reads to the device to their end, added up.",
                blkio: ("io_service_time", "Read"), divisor: 1e9),
            row(
                "container_fs_write_seconds_total", "Time from handing writes to the device to their end, added up.",
                blkio: ("io_service_time", "Write"), divisor: 1e9),
            row(
                "container_fs_io_time_seconds_total",
                "Time from handing requests to the device to their end, added up.",
                blkio: ("io_service_time", "Total"), divisor: 1e9),
            row("container_fs_io_current", "Requests that wait.", type: .gauge, blkio: ("io_queued", "Total")),
            row(
                "container_fs_io_cost_usage_seconds_total", "Device time that io.cost reckons was used.",
                key: "cost.usage", divisor: 1e6),
            row(
                "container_fs_io_cost_wait_seconds_total", "Time spent waiting for device time.",
                key: "cost.wait", divisor: 1e6),
            row(
                "container_fs_io_cost_indebt_seconds_total", "Time in debt to io.cost.",
                key: "cost.indebt", divisor: 1e6),
            row(
                "container_fs_io_cost_indelay_seconds_total", "Time for which requests were held back for a debt.",
                key: "cost.indelay", divisor: 1e6),
        ]
        + [("Read", "rbytes"), ("Write", "wbytes"), ("Sync", nil), ("Async", nil), ("Discard", nil), ("Total", nil)]
        .map { operation, key in
            row(
                "container_blkio_device_usage_total", "Bytes moved, by kind; on v1 each is in three of the kinds.",
                key: key, blkio: ("io_service_bytes", operation), operation: operation)
        }

    /// Which kernels have what not all have.
    private static func versions(_ row: Row) -> String? {
        switch row.blkio?.file {
        case nil: "cgroup v2 with io.cost" + (row.key == "cost.usage" ? "" : " and blkcg_debug_stats")
        case "io_service_bytes", "io_serviced": nil
        default: "cgroup v1 with CFQ, or with BFQ and CONFIG_BFQ_CGROUP_DEBUG"
        }
    }

    let name = "container_disk_io"

    var metrics: [CatalogueEntry] {
        var entries: [CatalogueEntry] = []
        for row in Self.rows where entries.last?.descriptor.name != row.descriptor.name {
            let isWhole = row.operation == nil
            let v2 = row.key.map { "io.stat: \(isWhole ? $0 : "rbytes, wbytes")" }
            let v1 = row.blkio.map { "blkio.*.\($0.file)\(isWhole ? ": \($0.word)" : "")" }
            let source = v2.map { v2 in v1.map { "\(v2); on v1 \($0)" } ?? v2 } ?? v1 ?? ""
            entries.append(
                CatalogueEntry(
                    row.descriptor,
                    labels: Cgroup.labelNames + ["device"]
                        + (row.operation.map { _ in ["major", "minor", "operation"] } ?? []),
                    source: source, versions: Self.versions(row)))
        }
        return entries
    }

    func families(from reader: CgroupReader, until deadline: Deadline) throws(CollectorError) -> [MetricFamily] {
        guard let layout = try layout(reader) else { return [] }
        _ = try reader.processes?.read("partitions") { reader.devices.update($0) }
        var families = layout.descriptors.map(MetricFamily.init)
        var numbers = Numbers(slots: layout.slotCount)
        for cgroup in reader.tree.exported where !cgroup.isGone {
            try deadline.check()
            guard try numbers.read(layout, of: cgroup, reader) else { continue }
            for (row, number) in numbers.devices.enumerated() {
                let device = reader.devices.device(number, reader)
                let labels = cgroup.labels(adding: device.labels)
                for series in layout.series {
                    guard let value = numbers.value(row, series.slot) else { continue }
                    families[series.family].append(
                        value / series.divisor,
                        series.operation.map { cgroup.labels(adding: device.labels(ofOperation: $0, reader)) } ?? labels
                    )
                }
            }
        }
        return families
    }

    /// How these hierarchies are read, found out anew as long as nothing comes of it.
    private func layout(_ reader: CgroupReader) throws(CollectorError) -> Layout? {
        guard reader.mounts.directories[.v1("blkio")] != nil else {
            if let known = reader.devices.layout { return known }
            let file = reader.index(of: CgroupFile(hierarchy: .v2, name: "io.stat"))
            reader.devices.layout = Layout(Self.rows) { row in row.key.map { (file, $0) } }
            return reader.devices.layout
        }
        guard let top = reader.tree.top else { return nil }
        if let known = reader.devices.layout, let bytes = known.files.first,
            try countedDevices(in: bytes.index, of: top, reader) > 0
        {
            return known
        }
        reader.devices.layout = try v1Layout(top, reader)
        return reader.devices.layout
    }

    /// Finds out who counts, the better informed first: those schedulers count more, though only on the disks that they
    /// serve, and the files are there in any case.
    private func v1Layout(_ top: Cgroup, _ reader: CgroupReader) throws(CollectorError) -> Layout? {
        var best: (name: (String) -> String, devices: Int)?
        for (prefix, suffix) in [
            ("bfq.", "_recursive"), ("", "_recursive"), ("throttle.", "_recursive"), ("throttle.", ""),
        ] {
            func name(_ file: String) -> String { "blkio.\(prefix)\(file)\(suffix)" }
            let devices = try countedDevices(in: index(of: name("io_service_bytes"), reader), of: top, reader)
            if devices > best?.devices ?? 0 { best = (name, devices) }
        }
        guard let best else { return nil }
        var files: [String: Int] = [:]
        for file in Set(Self.rows.compactMap(\.blkio?.file)) {
            let index = index(of: best.name(file), reader)
            if case .read = try reader.read(index, of: top, { _ in }) { files[file] = index }
        }
        return Layout(Self.rows) { row in row.blkio.flatMap { blkio in files[blkio.file].map { ($0, blkio.word) } } }
    }

    private func index(of file: String, _ reader: CgroupReader) -> Int {
        reader.index(of: CgroupFile(hierarchy: .v1("blkio"), name: file))
    }

    /// On how many devices something was counted. Linux 6.1 has lines of nothing but zeros for what it does not count.
    private func countedDevices(in file: Int, of top: Cgroup, _ reader: CgroupReader) throws(CollectorError) -> Int {
        var numbers = Numbers(slots: 1)
        _ = try reader.read(file, of: top) { numbers.take($0, [(Self.total, 0)]) }
        return numbers.devices.indices.count { numbers.value($0, 0) ?? 0 > 0 }
    }
    private static let total = Array("Total".utf8)
}

extension DiskIO {
    /// Rows made ready for the files there are: which are read, and in which slot each number goes.
    struct Layout {
        struct File {
            let index: Int
            var fields: [(word: [UInt8], slot: Int)] = []
        }

        struct Series {
            let family: Int
            let slot: Int
            let divisor: Double
            let operation: String?
        }

        private(set) var descriptors: [MetricDescriptor] = []
        private(set) var series: [Series] = []
        private(set) var files: [File] = []
        private(set) var slotCount = 0

        /// - Parameter source: The file, by the reader's numbering, and the word in it.
        fileprivate init(_ rows: [Row], _ source: (Row) -> (file: Int, word: String)?) {
            var slots: [String: Int] = [:]
            for row in rows {
                guard let (file, word) = source(row) else { continue }
                let slot = slots["\(file) \(word)"] ?? slotCount
                if slot == slotCount {
                    if !files.contains(where: { $0.index == file }) { files.append(File(index: file)) }
                    for at in files.indices where files[at].index == file {
                        files[at].fields.append((Array(word.utf8), slot))
                    }
                    slots["\(file) \(word)"] = slot
                    slotCount += 1
                }
                if descriptors.last?.name != row.descriptor.name { descriptors.append(row.descriptor) }
                series.append(
                    Series(
                        family: descriptors.count - 1, slot: slot, divisor: row.divisor, operation: row.operation))
            }
        }
    }

    /// The numbers of one cgroup, a row for each device.
    struct Numbers {
        private let slotCount: Int
        private(set) var devices: [DeviceNumber] = []
        private var values: [Double] = []

        init(slots: Int) {
            slotCount = slots
        }

        func value(_ row: Int, _ slot: Int) -> Double? {
            let value = values[row * slotCount + slot]
            return value.isNaN ? nil : value
        }

        /// Reads all files of a cgroup.
        ///
        /// - Returns: Whether it is still there.
        mutating func read(
            _ layout: Layout, of cgroup: Cgroup, _ reader: CgroupReader
        ) throws(CollectorError) -> Bool {
            devices.removeAll(keepingCapacity: true)
            values.removeAll(keepingCapacity: true)
            for file in layout.files {
                let outcome = try reader.read(file.index, of: cgroup) { take($0, file.fields) }
                if case .gone = outcome {
                    cgroup.isGone = true
                    return false
                }
                // It did nothing yet, or is not in this hierarchy; the other files would say the same.
                if devices.isEmpty { break }
            }
            return true
        }

        /// Takes in lines of a device with words and numbers: `8:0 rbytes=4096 wbytes=0`, `8:0 Read 4096`, or nothing
        /// behind the device where nothing was counted yet.
        mutating func take(_ text: Span<UInt8>, _ fields: [(word: [UInt8], slot: Int)]) {
            let text = text.extracting(first: text.lengthOfLines)
            var lines = CgroupLines()
            repeat {
                guard let device = DeviceNumber(text, lines.word(of: text)), let row = row(of: device) else { continue }
                while true {
                    let word = lines.word(of: text, upTo: UInt8(ascii: "="))
                    if word.isEmpty { break }
                    let number = lines.word(of: text)
                    for field in fields where text.holds(field.word, at: word) {
                        if let value = text.number(number) { values[row * slotCount + field.slot] = value }
                    }
                }
            } while lines.next(in: text)
        }

        /// - Returns: `nil` where there are too many.
        private mutating func row(of device: DeviceNumber) -> Int? {
            // The lines of a device follow each other.
            if let known = devices.lastIndex(of: device) { return known }
            guard devices.count < BlockDevices.maximumCount else { return nil }
            devices.append(device)
            values.append(contentsOf: repeatElement(.nan, count: slotCount))
            return devices.count - 1
        }
    }
}
