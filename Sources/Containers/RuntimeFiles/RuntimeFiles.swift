/// What runtimes leave on disk about their containers, for those that no engine is asked about.
///
/// Nothing of it has to be readable. Used by one thread only: the target's.
final class RuntimeFiles {
    /// How often in a row a record is looked at again that is older than its container's start.
    private static let maximumPatience = 5

    private let settings: ContainersTarget.Settings
    private let docker: DockerFiles
    private let containerd: ContainerdFiles
    private var podman: PodmanFiles
    private var logs: KubernetesLogs
    private var stamps: [RegularFile.Stamp?]?
    private var patience = maximumPatience
    private var isWaiting = false

    /// Reads nothing yet.
    ///
    /// - Parameter settings: Which labels are wanted, and where the host's root directory is.
    init(settings: ContainersTarget.Settings) {
        let roots = settings.rootDirectories
        self.settings = settings
        docker = DockerFiles(roots: roots)
        containerd = ContainerdFiles(roots: roots)
        podman = PodmanFiles(roots: roots)
        logs = KubernetesLogs(roots: roots)
    }

    /// What is known of a container: at most a few small files are read, or nothing but what an earlier one told.
    ///
    /// To be asked once for each new container; and when ``haveChanged()`` says so again for those of which nothing was
    /// told, or no process, or not which of its pod's containers it is.
    func details(of container: Container, cgroup: Cgroup) -> ContainerDetails? {
        let parent = cgroup.components.dropLast().last
        var details: ContainerDetails?
        switch container.runtime {
        case .docker:
            details = docker.details(of: container.id, settings: settings)
            // The daemon writes its record again right after a start.
            if let details, details.processID == nil { isWaiting = true }
            // A parent of the user's choice may be a namespace of containerd's.
            details = details ?? containerd.details(of: container.id, below: parent, settings: settings)
        case .podman, .crio:
            details = podman.details(of: container.id)
        case .containerd, .nerdctl, .kubernetes:
            details =
                containerd.details(of: container.id, below: parent, settings: settings)
                ?? docker.details(of: container.id, settings: settings)
        case .buildkit, .lxc, .nspawn:
            return nil
        }
        guard let uid = container.podUID, details?.pod == nil else { return details }
        guard let pod = logs.container(container.id) ?? logs.pod(uid) else { return details }
        var withPod = details ?? ContainerDetails()
        withPod.pod = pod
        return withPod
    }

    /// What the pod of that uid is called; its `container` is empty.
    func pod(uid: String) -> ContainerDetails.Pod? { logs.pod(uid) }

    /// Whether what was not found before may be there since the last call: a look at the dates of some directories and
    /// files, for once a scrape.
    func haveChanged() -> Bool {
        let stamps = (docker.directories + podman.paths + logs.paths).map(RegularFile.Stamp.init)
        defer { self.stamps = stamps }
        if let before = self.stamps, before != stamps {
            patience = Self.maximumPatience
            isWaiting = false
            return true
        }
        guard isWaiting, patience > 0 else { return false }
        patience -= 1
        isWaiting = false
        return true
    }
}
