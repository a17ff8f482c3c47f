import Exposition

/// The masters that a sentinel watches, from lines such as
/// `master0:name=main,status=ok,address=10.0.0.1:6379,slaves=2,sentinels=3`.
enum InfoSentinel {
    private static let status = MetricDescriptor(
        "redis_sentinel_master_status", .gauge,
        "Whether the sentinel finds the master well; the status is a label (INFO master<n>: status).")
    private static let replicas = MetricDescriptor(
        "redis_sentinel_master_slaves", .gauge, "Replicas of the master that are known (INFO master<n>: slaves).")
    private static let sentinels = MetricDescriptor(
        "redis_sentinel_master_sentinels", .gauge,
        "Sentinels that watch the master, this one included (INFO master<n>: sentinels).")

    static func families(_ info: Info) -> [MetricFamily] {
        var status = MetricFamily(status)
        var replicas = MetricFamily(replicas)
        var sentinels = MetricFamily(sentinels)
        for line in info.lines {
            guard let index = line.field.after("master"), Int(index.text) != nil,
                let name = line.value.value(of: "name"), let address = line.value.value(of: "address")
            else { continue }
            let labels: Labels = ["master_name": name.text, "master_address": address.text]
            if let value = line.value.value(of: "status") {
                status.append(value.equals("ok") ? 1 : 0, labels.adding("master_status", value.text))
            }
            if let value = line.value.number(of: "slaves") { replicas.append(value, labels) }
            if let value = line.value.number(of: "sentinels") { sentinels.append(value, labels) }
        }
        return [status, replicas, sentinels]
    }
}
