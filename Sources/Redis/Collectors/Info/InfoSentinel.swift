import Exposition
import Scraping

/// The masters that a sentinel watches, from lines such as
/// `master0:name=main,status=ok,address=10.0.0.1:6379,slaves=2,sentinels=3`.
enum InfoSentinel {
    private static let status = entry(
        "redis_sentinel_master_status", "Whether the sentinel finds the master well; the status is a label",
        adding: ["master_status"], field: "status")
    private static let replicas = entry(
        "redis_sentinel_master_slaves", "Replicas of the master that are known", field: "slaves")
    private static let sentinels = entry(
        "redis_sentinel_master_sentinels", "Sentinels that watch the master, this one included", field: "sentinels")

    static let metrics = [status, replicas, sentinels]

    private static func entry(
        _ name: String, _ meaning: String, adding labels: [String] = [], field: String
    ) -> CatalogueEntry {
        CatalogueEntry(
            name, .gauge, meaning, labels: ["master_name", "master_address"] + labels,
            source: "INFO master<n>: \(field)")
    }

    static func families(_ info: Info) -> [MetricFamily] {
        var status = MetricFamily(status.descriptor)
        var replicas = MetricFamily(replicas.descriptor)
        var sentinels = MetricFamily(sentinels.descriptor)
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
