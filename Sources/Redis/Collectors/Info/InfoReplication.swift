import Exposition

/// The server's replicas, and its own master where it is one.
enum InfoReplication {
    private static let replicaOffset = MetricDescriptor(
        "redis_connected_slave_offset_bytes", .gauge,
        "Replication offset that the replica has confirmed (INFO slave<n>: offset).")
    private static let replicaLag = MetricDescriptor(
        "redis_connected_slave_lag_seconds", .gauge,
        "Seconds since the replica last confirmed its offset (INFO slave<n>: lag).")
    private static let linkUp = MetricDescriptor(
        "redis_master_link_up", .gauge, "Whether the replica is linked to its master (INFO master_link_status).")
    private static let lastIO = MetricDescriptor(
        "redis_master_last_io_seconds_ago", .gauge,
        "Seconds since the replica last heard of its master; -1 where the link is down (INFO "
            + "master_last_io_seconds_ago).")
    private static let syncInProgress = MetricDescriptor(
        "redis_master_sync_in_progress", .gauge,
        "Whether the replica is being sent all data (INFO master_sync_in_progress).")
    private static let ownOffset = MetricDescriptor(
        "redis_slave_repl_offset", .gauge,
        "Replication offset up to which the replica has what its master wrote (INFO slave_repl_offset).")
    private static let info = MetricDescriptor(
        "redis_slave_info", .gauge,
        "Always 1 on a replica; its master, and whether it takes no writes (INFO master_host, master_port, "
            + "slave_read_only).")

    static func families(_ info: Info) -> [MetricFamily] {
        replicas(info) + master(info)
    }

    /// From lines such as `slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1`.
    private static func replicas(_ info: Info) -> [MetricFamily] {
        var offset = MetricFamily(replicaOffset)
        var lag = MetricFamily(replicaLag)
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
        var linkUp = MetricFamily(linkUp)
        var lastIO = MetricFamily(lastIO)
        var syncInProgress = MetricFamily(syncInProgress)
        var ownOffset = MetricFamily(ownOffset)
        var slaveInfo = MetricFamily(self.info)
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
