import Configuration
import Scraping

extension PageFilter {
    /// What the parameters of a request for a page say: `name[]` as client libraries have it, `collect[]` and `exclude[]` as
    /// node_exporter does, each as often as one likes.
    ///
    /// - Throws: For a collector that does not exist, and for the last two at once.
    init(_ parameters: QueryParameters) throws(ProbeRefusal) {
        self.init()
        let (names, collectors) = (parameters.all("name[]"), parameters.all("collect[]"))
        let excluded = parameters.all("exclude[]")
        guard collectors.isEmpty || excluded.isEmpty else {
            throw ProbeRefusal(.malformed, "Say either collect[] or exclude[]: one tells all that the other could.")
        }
        // Custom queries are collectors that no catalogue has.
        for name in collectors + excluded where !Self.known.contains(name) && !name.hasPrefix("custom_") {
            let remedy = nearest(to: name, among: Self.known.sorted()).map { "did you mean \($0)?" }
            // What a client sends is not repeated at any length.
            throw ProbeRefusal(
                .malformed,
                "\"\(name.prefix(64))\" is no collector; \(remedy ?? "the command metrics lists all of them.")")
        }
        self.names = names.isEmpty ? nil : Set(names)
        self.collectors = collectors.isEmpty ? nil : Set(collectors)
        excludedCollectors = Set(excluded)
    }

    private static let known = Set(CollectorSelection.catalogue.map(\.name))
}
