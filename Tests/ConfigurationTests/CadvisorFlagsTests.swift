import Containers
import Scraping
import Testing

@testable import Configuration

/// What somebody who runs cAdvisor has in the command line.
struct CadvisorFlagsTests {
    private func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) throws -> Settings {
        try Settings.load(arguments: arguments, environment: environment).settings
    }

    @Test(arguments: [
        OptionCase("listen_ip", "127.0.0.1", is: "[127.0.0.1:19187]") { "\($0.web.addresses)" },
        OptionCase("listen_ip", "::1", is: "[[::1]:19187]") { "\($0.web.addresses)" },
        OptionCase("prometheus_endpoint", "/m/", is: "/m") { $0.web.telemetryPath },
        OptionCase("url_base_prefix", "/cadvisor", is: "/cadvisor/metrics") { $0.web.telemetryPath },
        OptionCase("docker", "unix:///run/d.sock", is: "/run/d.sock") {
            $0.containers.runtimeSockets?.joined(separator: " ") ?? "none"
        },
        OptionCase("podman", "/run/p.sock", is: "/run/p.sock") {
            $0.containers.runtimeSockets?.joined(separator: " ") ?? "none"
        },
        OptionCase("docker_only", is: "docker,kubernetes,podman") {
            $0.containers.included.map(\.rawValue).sorted().joined(separator: ",")
        },
        OptionCase("store_container_labels", is: "*") { $0.containers.labels.joined(separator: ",") },
        OptionCase("no-store_container_labels", is: "") { $0.containers.labels.joined(separator: ",") },
        OptionCase("whitelisted_container_labels", "a, b.c", is: "a,b.c") {
            $0.containers.labels.joined(separator: ",")
        },
        OptionCase("disable_metrics", "cpu,percpu, memory", is: "container_cpu,container_memory") {
            $0.collectors.chosen.filter { !$0.value }.keys.sorted().joined(separator: ",")
        },
        OptionCase("enable_metrics", "cpu,memory,tcp", is: "container_cpu,container_memory") {
            $0.collectors.chosen.filter(\.value).keys.sorted().joined(separator: ",")
        },
    ])
    func flags(_ input: OptionCase) throws { try input.check() }

    /// As it stands in many a Compose file.
    @Test func aWholeCommandLine() throws {
        let settings = try load([
            "-logtostderr", "--v=1", "-docker_only=true", "--housekeeping_interval", "10s", "-port=8080",
            "--listen_ip=10.0.0.1", "--url_base_prefix=/c", "--prometheus_endpoint=/p",
            "--store_container_labels=false",
            "--whitelisted_container_labels=com.docker.compose.project", "-docker=unix:///var/run/docker.sock",
            "--podman=unix:///var/run/podman/podman.sock", "--allow_dynamic_housekeeping=true",
            "--disable_metrics=percpu,sched,tcp,udp,disk,diskIO,hugetlb,referenced_memory,cpu_topology,resctrl",
            "--env_metadata_whitelist=PASSWORD", "--machine_id_file=/rootfs/etc/machine-id",
            "--enable_load_reader=false",
        ])
        #expect(settings.web.addresses == [.tcp(host: "10.0.0.1", port: 8080)])
        #expect(settings.web.telemetryPath == "/c/p")
        #expect(settings.containers.included == [.docker, .podman, .kubernetes])
        #expect(settings.containers.labels == ["com.docker.compose.project"])
        #expect(settings.containers.runtimeSockets == ["/var/run/docker.sock", "/var/run/podman/podman.sock"])
        #expect(settings.collectors.chosen == ["container_disk_io": false, "container_hugetlb": false])
        // One line for each but those that are switched off.
        #expect(settings.warnings.count == 15)
        #expect(settings.warnings.allSatisfy { $0.contains(" is there for those who come from cAdvisor: ") })
        #expect(settings.warnings.contains { $0.contains("env_metadata_whitelist") && $0.contains("passwords") })
    }

    @Test(arguments: [
        (["--store_container_labels=false"], []), (["--store_container_labels=true"], ["*"]),
        (["--store_container_labels=false", "--whitelisted_container_labels=a"], ["a"]),
        (["--whitelisted_container_labels=a", "--store_container_labels=false"], ["a"]),
        (["--store_container_labels", "--whitelisted_container_labels=a"], ["*"]),
        (["--whitelisted_container_labels=a", "--store_container_labels"], ["*"]),
        (["--whitelisted_container_labels=a"], ["a"]),
        (["--store_container_labels", "--containers.labels=b"], ["b"]),
    ])
    func labelsInEveryOrder(arguments: [String], labels: [String]) throws {
        #expect(try load(arguments).containers.labels == labels)
    }

    @Test func portAndAddressInEveryOrder() throws {
        #expect(try load(["--port=8080"]).web.addresses == [.tcp(host: "", port: 8080)])
        for arguments in [["--port=1", "--listen_ip=::1"], ["--listen_ip=::1", "--port=1"]] {
            #expect(try load(arguments).web.addresses == [.tcp(host: "::1", port: 1)])
        }
        // What our own flags say goes first.
        #expect(try load(["--web.listen-address=:2", "--port=1"]).web.addresses == [.tcp(host: "", port: 2)])
        #expect(
            try load(["--web.telemetry-path=/m", "--url_base_prefix=/c"], [:]).web.telemetryPath == "/m")
        #expect(try load(["--url_base_prefix=/"]).web.telemetryPath == "/metrics")
        #expect(try load(["--url_base_prefix="]).web.telemetryPath == "/metrics")
    }

    /// Kubernetes sets it in every pod beside a service called stack-exporter.
    @Test func aServiceOfOurNameIsNoPort() throws {
        let environment = [
            "STACK_EXPORTER_PORT": "tcp://10.96.0.7:19187", "STACK_EXPORTER_SERVICE_PORT": "19187",
            "STACK_EXPORTER_SERVICE_HOST": "10.96.0.7", "STACK_EXPORTER_PORT_19187_TCP_PORT": "19187",
        ]
        let settings = try load([], environment)
        #expect(settings.web.addresses == [.tcp(host: "", port: 19187)])
        #expect(settings.warnings.isEmpty)
        #expect(try load([], ["STACK_EXPORTER_LISTEN_PORT": "8080"]).web.addresses == [.tcp(host: "", port: 8080)])
    }

    @Test func enabledMetricsAreTheOnlyOnes() throws {
        let chosen = try load(["--enable_metrics=cpu"]).collectors.chosen
        #expect(chosen["container_cpu"] == true)
        #expect(chosen["container_memory"] == false)
        #expect(chosen["container_lifetime"] == nil)
        #expect(chosen["pg_locks"] == nil)
        for arguments in [
            ["--enable_metrics=cpu", "--collector.container_memory"],
            ["--collector.container_memory", "--enable_metrics=cpu"],
        ] {
            #expect(try load(arguments).collectors.chosen["container_memory"] == true)
        }
    }

    @Test(arguments: [
        ("port=x", "a number from 0 to 65535"), ("port=70000", "a number from 0 to 65535"),
        ("listen_ip=a b", "an IP address"), ("prometheus_endpoint=metrics", "a path such as /metrics"),
        ("docker=tcp://localhost:2375", "the path of a socket such as /var/run/docker.sock, or none"),
        ("docker_only=maybe", "true or false"), ("logtostderr=maybe", "true or false"),
    ])
    func badValuesAreOneSentence(flag: String, expected: String) {
        #expect(throws: ConfigurationError("--\(flag): this should be \(expected)")) { try load(["--\(flag)"]) }
    }

    @Test func unknownGroupsAreNamed() {
        let error = #expect(throws: ConfigurationError.self) { try load(["--disable_metrics=cpu,nonsense"]) }
        #expect(error?.description.contains("this should be some of accelerator,advtcp,") == true)
    }

    @Test func aPasswordIsNobodysBusiness() throws {
        let settings = try load(["--storage_driver_password=hunter2"])
        var dumped = ""
        dump(settings, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    /// The flags of cAdvisor 0.38 by its `--help`, without those of libraries that nobody gives.
    @Test(arguments: [
        "add_dir_header", "allow_dynamic_housekeeping", "alsologtostderr", "application_metrics_count_limit",
        "boot_id_file", "collector_cert", "collector_key", "container_hints", "containerd", "containerd-namespace",
        "disable_metrics", "disable_root_cgroup_stats", "docker", "docker-tls", "docker-tls-ca", "docker-tls-cert",
        "docker-tls-key", "docker_env_metadata_whitelist", "docker_only", "docker_root", "enable_load_reader",
        "event_storage_age_limit", "event_storage_event_limit", "global_housekeeping_interval",
        "housekeeping_interval", "http_auth_file", "http_auth_realm", "http_digest_file", "http_digest_realm",
        "listen_ip", "log_backtrace_at", "log_cadvisor_usage", "log_dir", "log_file", "log_file_max_size",
        "logtostderr", "machine_id_file", "max_housekeeping_interval", "max_procs", "mesos_agent",
        "mesos_agent_timeout", "perf_events_config", "port", "profiling", "prometheus_endpoint",
        "raw_cgroup_prefix_whitelist", "referenced_reset_interval", "skip_headers", "skip_log_headers",
        "stderrthreshold", "storage_driver", "storage_driver_buffer_duration", "storage_driver_db",
        "storage_driver_host", "storage_driver_password", "storage_driver_secure", "storage_driver_table",
        "storage_driver_user", "storage_duration", "store_container_labels", "update_machine_info_interval",
        "url_base_prefix", "v", "vmodule", "whitelisted_container_labels",
    ])
    func everyFlagIsThere(flag: String) {
        #expect(Option.cadvisor.contains { $0.flag == flag })
    }
}
