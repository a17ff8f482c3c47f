import Containers
import Scraping

/// Flags that are there for those who come from cAdvisor: they say what others say too, or nothing at all.
extension Option {
    static let cadvisor: [Option] = listening + access + choosing + withoutEffect.map(accepted)

    // MARK: Where to listen

    /// What ``Settings/load(arguments:environment:)`` makes an address and a path of, where nothing of ours says them.
    private static let listening: [Option] = [
        cadvisor("port", "PORT", default: "19187", "The port to listen on", advice: "use --web.listen-address") {
            settings, value throws(Expected) in
            guard let port = UInt16(value) else { throw Expected("a number from 0 to 65535") }
            settings.cadvisor.port = Int(port)
        },
        cadvisor(
            "listen_ip", "ADDRESS", default: "all", "The address to listen on", advice: "use --web.listen-address"
        ) {
            settings, value throws(Expected) in
            let host = value.contains(":") ? "[\(value)]" : value
            guard case .tcp(let address, _)? = try? ListenAddress("\(host):0") else { throw Expected("an IP address") }
            settings.cadvisor.host = address
        },
        cadvisor(
            "prometheus_endpoint", "PATH", default: "/metrics", "The path of the page",
            advice: "use --web.telemetry-path"
        ) {
            settings, value throws(Expected) in
            settings.cadvisor.path = try telemetryPath(value)
        },
        cadvisor(
            "url_base_prefix", "PATH", default: "none", "What stands before the path of the page",
            advice: "use --web.telemetry-path"
        ) {
            settings, value throws(Expected) in
            settings.cadvisor.pathPrefix = value.isEmpty || value == "/" ? "" : try telemetryPath(value)
        },
    ]

    // MARK: Who may connect

    private static let access: [Option] = [
        cadvisor(
            "http_auth_file", "FILE", default: "none",
            "Who has to log in to see the page, as htpasswd -B writes it: name:hash", advice: "use --web.config.file"
        ) {
            settings, value throws(Expected) in
            settings.formerAccess.passwordFile = optionalText(value)
        },
        cadvisor(
            "http_digest_file", "FILE", default: "none",
            "An error: digests are not understood, and whoever asks for protection gets no open page",
            advice: "use --web.config.file"
        ) {
            settings, value throws(Expected) in
            guard value.isEmpty else {
                throw Expected("left out: digests are not understood; use basic_auth_users of --web.config.file")
            }
        },
    ]

    // MARK: What to show

    private static let choosing: [Option] = [
        cadvisor(
            "docker", "ENDPOINT", default: "as --containers.runtime-socket", "Docker's socket",
            advice: "use --containers.runtime-socket", apply: addSocket),
        cadvisor(
            "podman", "ENDPOINT", default: "as --containers.runtime-socket", "Podman's socket",
            advice: "use --containers.runtime-socket", apply: addSocket),
        cadvisor(
            "docker_only", nil, default: "off",
            "Whether only containers of engines are shown, and no services and slices",
            advice: "use --containers.include=docker,podman,kubernetes"
        ) {
            settings, value throws(Expected) in
            if try isOn(value) { settings.containers.included.subtract([.systemd, .lxc]) }
        },
        cadvisor(
            "store_container_labels", nil, default: "Compose's project and service",
            "Whether all container labels are shown, or only the whitelisted ones",
            advice: "use --containers.labels, which has Compose's project and service where nothing is said"
        ) {
            settings, value throws(Expected) in
            if try isOn(value) {
                settings.containers.labels = ["*"]
            } else if settings.cadvisor.labels.isEmpty {
                settings.containers.labels = []
            }
        },
        cadvisor(
            "whitelisted_container_labels", "KEYS", default: "none",
            "The container labels that are shown, with commas between, unless all are",
            advice: "use --containers.labels"
        ) {
            settings, value throws(Expected) in
            settings.cadvisor.labels = list(value)
            if settings.containers.labels != ["*"] { settings.containers.labels = list(value) }
        },
        cadvisor(
            "disable_metrics", "GROUPS", default: "none", "Groups of metrics that are not shown, with commas between",
            advice: "use --no-collector.NAME"
        ) {
            settings, value throws(Expected) in
            for collector in try collectors(of: value) { settings.collectors.choose(collector, false) }
        },
        cadvisor(
            "enable_metrics", "GROUPS", default: "as collectors are",
            "The groups of metrics that are shown, with commas between, and no others", advice: "use --collector.NAME"
        ) {
            settings, value throws(Expected) in
            let wanted = try collectors(of: value)
            for (_, collectors) in groups {
                for collector in collectors { settings.collectors.choose(collector, wanted.contains(collector)) }
            }
        },
    ]

    /// cAdvisor's groups of metrics (0.38 to 0.60), each with the collectors that have them here. Those without are not
    /// collected, or as parts of others that cost nothing more.
    static let groups: [String: [String]] = [
        "cpu": ["container_cpu"], "memory": ["container_memory"], "diskIO": ["container_disk_io"],
        "network": ["container_network"], "process": ["container_processes", "container_open_files"],
        "hugetlb": ["container_hugetlb"], "pressure": ["container_pressure"], "accelerator": [], "advtcp": [],
        "app": [],
        "cpuLoad": [], "cpu_topology": [], "cpuset": [], "disk": [], "memory_numa": [], "oom_event": [], "percpu": [],
        "perf_event": [], "referenced_memory": [], "resctrl": [], "sched": [], "tcp": [], "udp": [],
    ]

    private static func collectors(of value: String) throws(Expected) -> [String] {
        var collectors: [String] = []
        for group in list(value) {
            guard let members = groups[group] else {
                throw Expected("some of \(groups.keys.sorted().joined(separator: ","))")
            }
            collectors += members
        }
        return collectors
    }

    // MARK: What says nothing here

    private static let onDemand = "everything is read when it is scraped, and nothing between scrapes"
    private static let noStorage = "Prometheus is what stores the metrics"
    private static let fixedRealm = "passwords are asked for under the name stack-exporter"
    private static let noEnvironment =
        "variables of containers are never shown, since passwords are among them; give the containers labels"
    private static let plainSocket = "engines are asked by their sockets, not by TCP"
    private static let standardError = "messages go to standard error, and --log.level says which"
    private static let noEvents = "there is no list of events here"

    private static let withoutEffect: [(flag: String, placeholder: String?, why: String)] = [
        ("housekeeping_interval", "DURATION", onDemand), ("max_housekeeping_interval", "DURATION", onDemand),
        ("global_housekeeping_interval", "DURATION", onDemand), ("allow_dynamic_housekeeping", nil, onDemand),
        ("update_machine_info_interval", "DURATION", onDemand),
        ("raw_cgroup_prefix_whitelist", "PREFIXES", "cgroups are chosen by their kind: --containers.include"),
        ("disable_root_cgroup_stats", nil, "the machine as a whole is always shown"),
        ("env_metadata_whitelist", "NAMES", noEnvironment), ("docker_env_metadata_whitelist", "NAMES", noEnvironment),
        ("containerd_env_metadata_whitelist", "NAMES", noEnvironment),
        ("docker_root", "DIRECTORY", "the engine's files are looked for in /var/lib/docker"),
        ("docker-tls", nil, plainSocket), ("docker-tls-ca", "FILE", plainSocket),
        ("docker-tls-cert", "FILE", plainSocket), ("docker-tls-key", "FILE", plainSocket),
        ("containerd", "ENDPOINT", "containerd's containers are known by its files and by Kubernetes' logs"),
        ("containerd-namespace", "NAME", "the containers of every namespace are shown"),
        ("crio_client_timeout", "DURATION", "CRI-O's containers are known by its files and by Kubernetes' logs"),
        ("mesos_agent", "ADDRESS", "there is no support for Mesos"),
        ("mesos_agent_timeout", "DURATION", "there is no support for Mesos"),
        ("container_hints", "FILE", "only what the kernel and the engines tell is shown"),
        ("machine_id_file", "FILES", "machine_... have no label machine_id"),
        ("boot_id_file", "FILES", "machine_... have no label boot_id"),
        ("enable_load_reader", nil, "the load of cgroups is not shown; container_pressure_... say more"),
        ("perf_events_config", "FILE", "events of the processor are not shown"),
        ("resctrl_interval", "DURATION", "caches and memory bandwidth are not shown"),
        ("referenced_reset_interval", "COUNT", "referenced memory is not shown: reading it slows processes down"),
        ("application_metrics_count_limit", "COUNT", "the metrics of applications are for Prometheus to scrape"),
        ("collector_cert", "FILE", "the metrics of applications are for Prometheus to scrape"),
        ("collector_key", "FILE", "the metrics of applications are for Prometheus to scrape"),
        ("max_procs", "COUNT", "containers are read by one thread"), ("profiling", nil, "there is no Go runtime here"),
        ("http_auth_realm", "NAME", fixedRealm), ("http_digest_realm", "NAME", fixedRealm),
        ("event_storage_age_limit", "LIMITS", noEvents), ("event_storage_event_limit", "LIMITS", noEvents),
        ("storage_duration", "DURATION", noStorage), ("storage_driver", "NAME", noStorage),
        ("storage_driver_buffer_duration", "DURATION", noStorage), ("storage_driver_db", "NAME", noStorage),
        ("storage_driver_host", "ADDRESS", noStorage), ("storage_driver_password", "PASSWORD", noStorage),
        ("storage_driver_secure", nil, noStorage), ("storage_driver_table", "NAME", noStorage),
        ("storage_driver_user", "NAME", noStorage),
        ("v", "LEVEL", standardError), ("vmodule", "LEVELS", standardError), ("logtostderr", nil, standardError),
        ("alsologtostderr", nil, standardError), ("stderrthreshold", "LEVEL", standardError),
        ("log_dir", "DIRECTORY", standardError), ("log_file", "FILE", standardError),
        ("log_file_max_size", "COUNT", standardError), ("log_backtrace_at", "PLACE", standardError),
        ("log_cadvisor_usage", nil, standardError), ("add_dir_header", nil, standardError),
        ("one_output", nil, standardError), ("skip_headers", nil, standardError),
        ("skip_log_headers", nil, standardError),
    ]

    private static func accepted(_ flag: String, _ placeholder: String?, because why: String) -> Option {
        cadvisor(
            flag, placeholder, default: placeholder == nil ? "off" : "none", "Does nothing: \(why)", advice: why,
            isSecret: placeholder == "PASSWORD"
        ) {
            _, value throws(Expected) in
            if placeholder == nil { _ = try isOn(value) }
        }
    }

    private static func cadvisor(
        _ flag: String, _ placeholder: String?, default defaultText: String, _ help: String, advice: String,
        isSecret: Bool = false, apply: @escaping @Sendable (inout Settings, String) throws(Expected) -> Void
    ) -> Option {
        Option(
            flag, placeholder, default: defaultText, help, advice: advice, from: "cAdvisor", isSecret: isSecret,
            apply: apply)
    }
}

/// What the flags of cAdvisor say that is only understood when all are read.
struct CadvisorSettings: Sendable {
    var host: String?
    var port: Int?
    var path: String?
    var pathPrefix = ""
    var labels: [String] = []

    /// Where to listen; `nil` where nothing is said.
    var address: ListenAddress? {
        host == nil && port == nil ? nil : .tcp(host: host ?? "", port: port ?? WebSettings.usualPort)
    }

    /// The path of the page; `nil` where nothing is said.
    var telemetryPath: String? {
        path == nil && pathPrefix.isEmpty ? nil : pathPrefix + (path ?? WebSettings().telemetryPath)
    }
}
