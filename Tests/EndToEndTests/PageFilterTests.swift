import Lab
import Testing

/// `name[]`, `collect[]` and `exclude[]` of the running server.
@Suite(.sharedExporter, .startsServers, .timeLimit(.minutes(15)))
struct PageFilterTests {
    private func page(_ query: String, _ fields: String...) async throws -> Answer {
        // curl takes brackets for a range unless told otherwise; a client may also encode them.
        try await Exporter.shared.get("/\(query)", options: fields.flatMap { ["-H", $0] } + ["-g", "--compressed"])
    }

    /// The names of the families that are asked for, and of those that come.
    private static let names: [(query: String, families: Set<String>)] = [
        ("name[]=process_open_fds", ["process_open_fds"]),
        (
            "name%5B%5D=process_open_fds&name%5b%5d=stack_exporter_build_info",
            ["process_open_fds", "stack_exporter_build_info"]
        ),
        ("name[]=process_open_fds&name[]=process_open_fds&name[]=nothing", ["process_open_fds"]),
        // By either name of a counter, and by a series of a histogram.
        ("name[]=process_cpu_seconds_total", ["process_cpu_seconds_total"]),
        ("name[]=process_cpu_seconds", ["process_cpu_seconds_total"]),
        ("name[]=http_request_duration_seconds_bucket", ["http_request_duration_seconds"]),
        ("name[]=nothing", []), ("name[]=", []), ("name[]=process_open_fds&collect[]=machine", []),
        ("name[]=machine_cpu_cores&collect[]=machine", ["machine_cpu_cores"]),
        ("name[]=machine_cpu_cores&exclude[]=machine", []),
    ]

    @Test(arguments: names)
    func namesAreTheOnlyFamilies(query: String, families: Set<String>) async throws {
        _ = try await page("metrics")
        let text = try await page("metrics?\(query)")
        #expect(text.status == 200)
        #expect(try Set(Page(text.body).types.keys) == families)
        let open = try await page("metrics?\(query)", "Accept: application/openmetrics-text;version=1.0.0")
        #expect(try await PrometheusClient.families(of: open.body, isOpenMetrics: true).count == families.count)
    }

    @Test func collectorsAreTheOnlyOnes() async throws {
        let all = try Page(try await page("metrics").body).types.keys
        let answer = try await page("metrics?collect[]=machine&collect[]=node_loadavg")
        #expect(answer.status == 200)
        let some = try Page(answer.body)
        #expect(some["node_load1"] != nil && !some.all("machine_cpu_cores").isEmpty)
        // Beside them, how the targets are; nothing of other collectors or of the exporter itself.
        #expect(some["container_scrape_error"] == 0)
        #expect(some["node_cpu_seconds_total"] == nil && some.all("container_cpu_usage_seconds_total").isEmpty)
        #expect(some.types.keys.allSatisfy { !$0.hasPrefix("process_") && !$0.hasPrefix("stack_exporter_collector") })

        let others = try Page(try await page("metrics?exclude[]=machine&exclude[]=node_loadavg").body)
        #expect(others["node_load1"] == nil && others.all("machine_cpu_cores").isEmpty)
        #expect(others["process_open_fds"] != nil && others["container_scrape_error"] == 0)
        #expect(Set(some.types.keys).union(others.types.keys).isSuperset(of: all))
    }

    @Test func aProbeTakesThemToo() async throws {
        let answer = try await page("probe?target=host&collect[]=node_loadavg&name[]=node_load1")
        #expect(answer.status == 200)
        #expect(try Array(Page(answer.body).types.keys) == ["node_load1"])
        #expect(try await page("probe?target=host&collect[]=nothing").status == 400)
    }

    @Test(arguments: [
        ("collect[]=machin", "\"machin\" is no collector; did you mean machine?\n"),
        ("exclude[]=Machine", "\"Machine\" is no collector; did you mean machine?\n"),
        ("collect[]=", "\"\" is no collector; the command metrics lists all of them.\n"),
        (
            "collect[]=machine&exclude[]=node_cpu",
            "Say either collect[] or exclude[]: one tells all that the other could.\n"
        ),
    ])
    func whatCannotBeMeant(query: String, sentence: String) async throws {
        let answer = try await page("metrics?\(query)")
        #expect(answer.status == 400)
        #expect(answer.body == sentence)
    }
}
