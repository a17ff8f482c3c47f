import Exposition
import Scraping

/// The server's replicas, and its own master where it is one.
enum InfoReplication {
    private static let replicaOffset = replica(
        "redis_connected_slave_offset_bytes", "Replication offset that the replica has confirmed", field: "offset")
    private static let replicaLag = replica(
        "redis_connected_slave_lag_seconds", "Seconds since the replica last confirmed its offset", field: "lag")
    private static let linkUp = master(
        "redis_master_link_up", "Whether the replica is linked to its master", fields: "master_link_status")
    private static let lastIO = master(
        "redis_master_last_io_seconds_ago",
        "Seconds since the replica last heard of its master; -1 where the link is down",
        fields: "master_last_io_seconds_ago")
    private static let syncInProgress = master(
        "redis_master_sync_in_progress", "Whether the replica is being sent all data", fields: "master_sync_in_progress"
    )
    private static let ownOffset = master(
        "redis_slave_repl_offset", "Replication offset up to which the replica has what its master wrote",
        fields: "slave_repl_offset")
    private static let info = master(
        "redis_slave_info", "Always 1 on a replica; its master, and whether it takes no writes",
        adding: ["read_only"], fields: "master_host, master_port, slave_read_only")

    static let metrics = [replicaOffset, replicaLag, linkUp, lastIO, syncInProgress, ownOffset, info]

    private static func replica(_ name: String, _ meaning: String, field: String) -> CatalogueEntry {
        CatalogueEntry(
            name, .gauge, meaning, labels: ["slave_ip", "slave_port", "slave_state"], source: "INFO slave<n>: \(field)")
    }

    private static func master(
        _ name: String, _ meaning: String, adding labels: [String] = [], fields: String
    ) -> CatalogueEntry {
        CatalogueEntry(
            name, .gauge, meaning, labels: ["master_host", "master_port"] + labels, source: "INFO \(fields)")
    }

    static func families(_ info: Info) -> [MetricFamily] {
        replicas(info) + master(info)
    }

    /// From lines such as `slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1`.
    private static func replicas(_ info: Info) -> [MetricFamily] {
        var offset = MetricFamily(replicaOffset.descriptor)
        var lag = MetricFamily(replicaLag.descriptor)
        for line in info.lines {
            guard let index = line.field.after("slave"), Int(index.text) != nil else { continue }
            let labels = Labels(
                [("slave_ip", "ip"), ("slave_port", "port"), ("slave_state", "state")].map {
                    (label: String, field: StaticString) in (label, line.value.value(of: field)?.text ?? "")
                })
            if let value = line.value.number(of: "offset") { offset.append(value, labels) }
            if let value = line.value.number(of: "lag") { lag.append(value, labels) }
        }
        return [offset, lag]
    }

    /// A replica of KeyDB may have several masters, `master_1_host` and so on: the fields of each follow its host and port.
    private static func master(_ info: Info) -> [MetricFamily] {
        var linkUp = MetricFamily(linkUp.descriptor)
        var lastIO = MetricFamily(lastIO.descriptor)
        var syncInProgress = MetricFamily(syncInProgress.descriptor)
        var ownOffset = MetricFamily(ownOffset.descriptor)
        var slaveInfo = MetricFamily(self.info.descriptor)
        let isReplica = info["role"]?.equals("slave") == true
        var host = ""
        var port = ""
        for line in info.lines {
            var labels: Labels { ["master_host": host, "master_port": port] }
            if line.field.equals("slave_repl_offset") {
                if let value = line.value.number { ownOffset.append(value, labels) }
            } else if isReplica, line.field.equals("slave_read_only") {
                slaveInfo.append(1, labels.adding("read_only", line.value.text))
            } else if let field = line.field.after("master_")?.withoutNumber {
                if field.equals("host") {
                    host = line.value.text
                } else if field.equals("port") {
                    port = line.value.text
                } else if field.equals("link_status") {
                    linkUp.append(line.value.equals("up") ? 1 : 0, labels)
                } else if field.equals("last_io_seconds_ago") {
                    if let value = line.value.number { lastIO.append(value, labels) }
                } else if field.equals("sync_in_progress") {
                    if let value = line.value.number { syncInProgress.append(value, labels) }
                }
            }
        }
        return [linkUp, lastIO, syncInProgress, ownOffset, slaveInfo]
    }
}

extension Info.Text {
    /// `host` of `1_host`, and what has no number as it is.
    fileprivate var withoutNumber: Info.Text {
        let rest = drop { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        return rest.count < count ? rest.after("_") ?? self : self
    }
}
