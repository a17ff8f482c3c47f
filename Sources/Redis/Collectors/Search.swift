import Exposition
import Scraping

/// The indexes of the search module: `FT._LIST`, and `FT.INFO` of each.
struct SearchCollector: RedisCollector {
    let name = "redis_search"
    let isEnabledByDefault = false

    var metrics: [CatalogueEntry] { Self.figures.map(\.entry) }

    /// A field of `FT.INFO` that is a metric.
    private struct Figure {
        let field: String
        let entry: CatalogueEntry
        /// How many of the metric's units make one of the field's.
        let factor: Double

        init(
            _ field: String, as metric: String? = nil, _ meaning: String, factor: Double = 1,
            type: MetricType = .gauge
        ) {
            self.field = field
            self.factor = factor
            entry = CatalogueEntry(
                "redis_search_index_\(metric ?? field)", type, meaning, labels: ["index_name"],
                source: "FT.INFO \(field)")
        }
    }

    private static let megabyte = 1_048_576.0

    private static let figures = [
        Figure("num_docs", "Documents in the index"),
        Figure("max_doc_id", "The highest number that a document of the index has had"),
        Figure("num_terms", "Distinct terms in the index"),
        Figure("num_records", "Records in the inverted index"),
        Figure("inverted_sz_mb", as: "inverted_size_bytes", "Bytes of the inverted index", factor: megabyte),
        Figure("total_inverted_index_blocks", "Blocks of all inverted indexes of the server"),
        Figure("vector_index_sz_mb", as: "vector_index_size_bytes", "Bytes of the vector index", factor: megabyte),
        Figure(
            "offset_vectors_sz_mb", as: "offset_vectors_size_bytes", "Bytes that tell where terms stand in documents",
            factor: megabyte),
        Figure("doc_table_size_mb", as: "doc_table_size_bytes", "Bytes of the table of documents", factor: megabyte),
        Figure(
            "sortable_values_size_mb", as: "sortable_values_size_bytes", "Bytes of values kept for sorting",
            factor: megabyte),
        Figure("key_table_size_mb", as: "key_table_size_bytes", "Bytes of the table of keys", factor: megabyte),
        Figure("tag_overhead_sz_mb", as: "tag_overhead_size_bytes", "Bytes spent on tag fields", factor: megabyte),
        Figure("text_overhead_sz_mb", as: "text_overhead_size_bytes", "Bytes spent on text fields", factor: megabyte),
        Figure(
            "total_index_memory_sz_mb", as: "total_index_memory_size_bytes", "Bytes of the whole index",
            factor: megabyte),
        Figure("geoshapes_sz_mb", as: "geoshapes_size_bytes", "Bytes of the index of shapes", factor: megabyte),
        Figure("records_per_doc_avg", as: "avg_per_doc_records", "Mean records of a document"),
        Figure("bytes_per_record_avg", as: "avg_per_record_bytes", "Mean bytes of a record"),
        Figure("offsets_per_term_avg", as: "avg_per_term_offsets", "Mean places of a term in a document"),
        Figure("offset_bits_per_record_avg", as: "avg_per_record_offset_bits", "Mean bits of such a place"),
        Figure("indexing", "Whether the index takes in what was there before it"),
        Figure("percent_indexed", "Part of the documents that are in the index, from 0 to 1"),
        Figure("hash_indexing_failures", "Documents that the index could not take in"),
        Figure("number_of_uses", as: "number_of_uses_total", "Commands that used the index", type: .counter),
        Figure("cleaning", "Whether the index is being removed"),
    ]

    private static let list = RedisCommand("FT._LIST", isOptional: true)
    /// How many indexes are asked for, since each has the server go through all its fields.
    private static let limit = 100

    private let pattern: RegularExpression?

    init(_ settings: RedisSettings) {
        pattern = settings.options.searchIndexes
    }

    func commands(_ server: RedisFacts) -> [RedisCommand] { server.isSentinel ? [] : [Self.list] }

    func furtherCommands(_ replies: RedisReplies, _ server: RedisFacts) -> [RedisCommand] {
        (try? indexes(replies))?.map(Self.info) ?? []
    }

    /// Who asks for an index has to be allowed to read all keys that may be in it, and these may be called anything.
    func rights(_ server: RedisFacts) -> RedisRights {
        server.isSentinel
            ? RedisRights() : RedisRights(commands: ["FT._LIST", "FT.INFO"], patterns: [RedisKey(key: "*")])
    }

    func result(_ replies: RedisReplies, _ server: RedisFacts) -> CollectorResult {
        let indexes: [[UInt8]]
        do throws(CollectorError) {
            indexes = try self.indexes(replies)
        } catch {
            return CollectorResult(error: error)
        }
        var families = Self.figures.map { MetricFamily($0.entry.descriptor) }
        var firstError: CollectorError?
        for index in indexes {
            let labels: Labels = ["index_name": String(decoding: index, as: UTF8.self)]
            do throws(CollectorError) {
                let fields = RedisReply.array(try replies.array(Self.info(of: index))).fields
                for (position, figure) in Self.figures.enumerated() {
                    // A mean of nothing is no number.
                    guard let value = fields[Array(figure.field.utf8)]?.number, value.isFinite else { continue }
                    families[position].append(value * figure.factor, labels)
                }
            } catch {
                firstError = firstError ?? error
            }
        }
        return CollectorResult(families: families, error: firstError)
    }

    private static func info(of index: [UInt8]) -> RedisCommand {
        RedisCommand("FT.INFO", index, isOptional: true)
    }

    /// Those that are wanted.
    private func indexes(_ replies: RedisReplies) throws(CollectorError) -> [[UInt8]] {
        let names = try replies.array(Self.list).compactMap(\.text).sorted { $0.lexicographicallyPrecedes($1) }
        guard let pattern else { return Array(names.prefix(Self.limit)) }
        return Array(names.lazy.filter { pattern.isFound(in: String(decoding: $0, as: UTF8.self)) }.prefix(Self.limit))
    }
}
