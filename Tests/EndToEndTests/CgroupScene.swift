import Foundation
import Lab
import Testing

/// A machine on which cgroups were made, loaded and scraped.
struct CgroupScene: Sendable, CustomTestStringConvertible {
    /// One of ``CgroupMachine/kernels``.
    let kernel: String
    /// Whether the kernel keeps account of pressure.
    let hasPressure: Bool

    var testDescription: String { kernel }

    /// Debian's own setting is without pressure.
    static let all = [
        CgroupScene(kernel: "linux-5.10", hasPressure: false), CgroupScene(kernel: "linux-6.1", hasPressure: true),
        CgroupScene(kernel: "linux-6.12", hasPressure: true),
    ]

    /// Docker's container that has used up its CPU quota again and again, and is frozen.
    static let throttled = "/system.slice/docker-\(digits("a")).scope"
    /// Docker's container whose process the OOM killer ended.
    static let killed = "/system.slice/docker-\(digits("b")).scope"
    /// Podman's container with more memory than `memory.high`; its processes are in a cgroup below.
    static let swapped = "/machine.slice/libpod-\(digits("c")).scope"
    /// Of a pod of systemd's driver: reads and writes a disk by the page cache and without.
    static let reading = "\(podOfReading)/cri-containerd-\(digits("d")).scope"
    static let podOfReading =
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_00000000000a.slice"
    /// Of a pod of the cgroupfs driver: as many processes as it may have, and no limits but its ancestors'.
    static let full = "\(podOfFull)/\(digits("e"))"
    static let podOfFull = "/kubepods/besteffort/pod0a1b2c3d-0000-4000-8000-00000000000b"
    /// A service that maps a file and has huge pages.
    static let service = "/system.slice/postgresql.service"
    /// A rootless container, to which only memory and pids are delegated, and no account of pressure is kept.
    static let rootless =
        "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-\(digits("f")).scope"
    /// Without processes and limits; removed after the first scrapes.
    static let idle = "/docker/\(digits("1"))"
    /// Made then.
    static let late = "/docker/\(digits("2"))"

    /// Known to the exporter for more than ten seconds when its limits change, those of what it is in, and which
    /// controllers it has: pids is switched on for it and off again.
    static let changing = "\(sliceOfChanging)/docker-\(digits("3")).scope"
    /// Not on the page itself.
    static let sliceOfChanging = "/app.slice/app-changing.slice"

    static let pods: Set = [podOfReading, podOfFull]
    /// What is on the page of the first scrapes, and at rest.
    static let exported = pods.union([
        "/app.slice", "/docker", "/kubepods", "/kubepods.slice", "/machine.slice", "/system.slice", throttled, killed,
        swapped, reading, full, service, rootless, idle, changing,
    ])

    /// An id of 64 digits.
    static func digits(_ digit: String) -> String { String(repeating: digit, count: 64) }

    /// What the machine has left. All of them are started, once, when the first is asked for.
    var results: MachineResults {
        get async throws {
            guard let machine = Self.machines[kernel] else { throw LabError("no such kernel: \(kernel)") }
            return try await machine.value
        }
    }

    /// What a machine has left that has systemd's "hybrid" layout.
    static var hybridResults: MachineResults {
        get async throws { try await hybridMachine.value }
    }

    /// One of the pages.
    func page(_ name: String) async throws -> Page {
        try await Self.pages.page(name, of: self)
    }

    private static let machines = Dictionary(
        uniqueKeysWithValues: all.map { scene in
            let parameters = ["psi=\(scene.hasPressure ? 1 : 0)", "hugepages=8", "blk_cgroup.blkcg_debug_stats=1"]
            return (scene.kernel, boot(scene.kernel, script, parameters))
        })

    private static let hybridMachine = boot("linux-6.1", hybridScript, ["psi=1"])

    private static func boot(
        _ kernel: String, _ script: String, _ parameters: [String]
    ) -> Task<MachineResults, any Error> {
        Task {
            try await CgroupMachine.run(
                script, program: Exporter.binary, kernel: kernel, parameters: parameters, within: 600)
        }
    }

    private static let pages = Pages()

    /// Taken apart once.
    private actor Pages {
        private var known: [String: Page] = [:]

        func page(_ name: String, of scene: CgroupScene) async throws -> Page {
            let key = "\(scene.kernel)/\(name)"
            if let page = known[key] { return page }
            let page = try Page(try #require(try await scene.results[name]))
            known[key] = page
            return page
        }
    }

    /// Functions for scripts.
    private static let functions = #"""
        cgroups=/sys/fs/cgroup

        # Makes a cgroup below others, with every controller that there is.
        make() {
            path=$cgroups
            for name in $(echo "$1" | tr / ' '); do
                for controller in cpu cpuset io memory pids hugetlb; do
                    echo +$controller >$path/cgroup.subtree_control || :
                done 2>/dev/null
                path=$path/$name
                mkdir -p $path
            done
        }

        # Sets a limit, where the kernel has such a file.
        limit() {
            [ ! -e "$cgroups$1" ] || echo "$2" >"$cgroups$1"
        }

        # Runs a command in a cgroup.
        inside() {
            sh -c 'echo $$ >/sys/fs/cgroup$0/cgroup.procs && exec "$@"' "$@"
        }

        # The number behind a key.
        number() {
            awk -v key="$2" '$1 == key { print $2 }' "$cgroups$1"
        }

        # Waits for a condition.
        await() {
            tries=0
            until eval "$1"; do
                tries=$((tries + 1))
                [ $tries -lt 3000 ] || { echo "in vain: $1"; exit 1; }
                usleep 20000
            done
        }

        # Starts the exporter, by $nobody. The metrics of the host are none of the cgroups'.
        serve() {
            $nobody 'exec stack-exporter --web.listen-address=127.0.0.1:9187 --host.node-exporter \
                --scrape.timeout=60s' &
            await 'wget -q -O /dev/null http://127.0.0.1:9187/-/ready 2>/dev/null'
            page first
            exporter=$(pidof stack-exporter)
            started=$(date +%s)
        }

        page() {
            wget -q -O $1 http://127.0.0.1:9187/metrics
        }

        # Waits until the exporter takes for granted what it was not told of.
        settle() {
            await '[ $(date +%s) -gt $((started + 10)) ]'
            page settled
        }

        # Everything that the kernel says now. Files that are only written to cannot be copied.
        snapshot() {
            mkdir -p $1/proc/net $1/proc/sys/kernel
            cp -r $cgroups $1/cgroup 2>/dev/null || :
            cp -r /proc/pressure $1/proc/ 2>/dev/null || :
            for file in meminfo net/dev partitions sys/kernel/pid_max sys/kernel/threads-max; do
                cp /proc/$file $1/proc/$file
            done
            find $cgroups -type d -exec stat -c '%n %Y' {} + >$1/times
            date +%s >$1/clock
        }

        """#

    private static let script =
        functions + """
            throttled=\(throttled)
            killed=\(killed)
            swapped=\(swapped)
            reading=\(reading)
            full=\(full)
            service=\(service)
            rootless=\(rootless)
            idle=\(idle)
            late=\(late)
            changing=\(changing)
            slice=\(sliceOfChanging)
            exported="\(exported.sorted().joined(separator: " "))"

            """ + #"""
            mount -t cgroup2 none $cgroups
            mkdir -p $cgroups/user.slice/session-1.scope
            make $changing
            echo -pids >$cgroups$slice/cgroup.subtree_control
            limit $changing/memory.max 64M
            limit $changing/cpu.max "50000 100000"
            nobody="inside /user.slice/session-1.scope su nobody -c"
            serve
            cat /proc/$exporter/status >status-of-exporter

            mke2fs -F /dev/vda >/dev/null
            mkdir /disk /huge
            mount /dev/vda /disk
            mount -t hugetlbfs none /huge
            mkswap /dev/vdb >/dev/null
            swapon /dev/vdb
            dd status=none if=/dev/zero of=/disk/file bs=1M count=24
            for user in reader service; do
                mkdir /disk/$user
                cp /bin/busybox /disk/$user/
            done
            sync
            # What is cached from now on, is on the account of who reads it.
            echo 3 >/proc/sys/vm/drop_caches
            device=$(cat /sys/block/vda/dev)
            echo "$device enable=1" >$cgroups/io.cost.qos || :

            for cgroup in $throttled $killed $swapped/container $reading $full $service $idle; do make $cgroup; done
            make /user.slice/user-1000.slice
            for path in /user.slice /user.slice/user-1000.slice; do
                echo "-cpu -cpuset -io -hugetlb" >$cgroups$path/cgroup.subtree_control
            done
            mkdir -p $cgroups$rootless
            for path in /user.slice/user-1000.slice /user.slice/user-1000.slice/user@1000.service \
                /user.slice/user-1000.slice/user@1000.service/user.slice; do
                echo "+memory +pids" >$cgroups$path/cgroup.subtree_control
            done
            limit $rootless/cgroup.pressure 0
            limit $rootless/memory.max 32M
            limit $rootless/memory.min 1M
            limit /user.slice/user-1000.slice/memory.max 16M

            limit $throttled/cpu.max "50000 100000"
            limit $throttled/cpu.max.burst 20000
            limit $throttled/cpu.weight 50
            limit /system.slice/cpu.max "150000 100000"
            limit /system.slice/pids.max 500
            inside $throttled sh -c 'while :; do :; done' &

            limit $killed/memory.max 24M
            limit $killed/memory.swap.max 0
            limit /system.slice/memory.max 128M
            inside $killed tail /dev/zero || :

            # Linux 5.10 lets those above memory.high wait for seconds.
            limit $swapped/memory.high 16M
            limit $swapped/memory.low 4M
            limit $swapped/memory.max 64M
            limit $swapped/memory.swap.max 128M
            limit /machine.slice/memory.max 48M
            limit /machine.slice/cpu.weight 400
            inside $swapped/container sh -c 'dd status=none if=/dev/zero bs=40M count=1 | sleep 1000000' &

            limit $reading/io.max "$device rbps=104857600 wiops=5000"
            limit $reading/memory.max 20M
            limit $reading/cpuset.cpus 1
            inside $reading /disk/reader/busybox sh -c '
                cat /disk/file /disk/file >/dev/null
                dd status=none if=/disk/file of=/dev/null bs=1M iflag=direct count=4
                dd status=none if=/disk/file of=/disk/direct bs=64k oflag=direct count=16
                dd status=none if=/dev/zero of=/disk/cached bs=64k count=16'

            limit $full/pids.max 20
            limit /kubepods/pids.max 40
            limit /kubepods/besteffort/memory.max 64M
            limit /kubepods/cpu.max "120000 100000"
            inside $full sh -c 'while :; do sleep 1000000 & done' 2>/dev/null &

            limit $service/hugetlb.2MB.max 4M
            inside $service fallocate -l 4M /huge/first
            inside $service fallocate -l 2M /huge/second 2>/dev/null || :
            inside $service /disk/service/busybox sleep 1000000 &

            await '[ $(number $throttled/cpu.stat nr_throttled) -ge 5 ]'
            await '[ $(cat $cgroups$swapped/memory.current $cgroups$swapped/memory.swap.current |
                awk "{ sum += \$1 } END { print sum }") -ge 41943040 ]'
            await '[ $(number $full/pids.events max) -ge 1 ]'
            await '[ $(number $service/memory.stat file_mapped) -gt 0 ]'
            for cgroup in $throttled $swapped $full $service; do
                limit $cgroup/cgroup.freeze 1
                await '[ $(number $cgroup/cgroup.events frozen) = 1 ]'
            done
            sync

            # Lists the files that stay open: `... 12 -> /sys/fs/cgroup/cpu.stat`
            descriptors() {
                ls -l /proc/$exporter/fd | awk '$(NF - 1) == "->" && $NF !~ /^socket:/ { print $NF }' >$1.descriptors
            }

            # Scrapes a page with few or many cgroups.
            census() {
                page $1
                descriptors $1
            }

            # What goes up and down, of all cgroups that are compared.
            gauges() {
                for cgroup in $exported; do
                    for file in memory.current memory.stat memory.swap.current pids.current; do
                        cat $1/cgroup$cgroup/$file 2>/dev/null || :
                    done
                done
            }

            # Pages that are written to swap are still freed when their processes have long been frozen.
            observe() {
                rm -rf before after
                snapshot before
                $nobody 'exec stack-exporter scrape --collector.container_details --host.node-exporter \
                    --scrape.timeout=60s' >scraped
                page served
                snapshot after
                [ "$(gauges before)" = "$(gauges after)" ]
            }
            await observe

            rmdir $cgroups$idle
            mkdir $cgroups$late
            settle

            # Nothing of the container's own: what is switched on has to be noticed by itself.
            limit $slice/memory.max 32M
            limit $slice/cpu.max "20000 100000"
            limit /app.slice/pids.max 77
            echo +pids >$cgroups$slice/cgroup.subtree_control
            page written

            limit $changing/cpu.max "30000 100000"
            mkdir /second
            mount -t cgroup2 none /second
            echo 24M >/second$changing/memory.max
            echo 16M >/second$slice/memory.max
            echo "10000 100000" >/second$slice/cpu.max
            echo -pids >/second$slice/cgroup.subtree_control
            census rewritten

            printf "$cgroups/system.slice/docker-%064x.scope\n" $(seq 4096 4395) >/tmp/crowd
            xargs mkdir </tmp/crowd
            xargs rmdir </tmp/crowd
            census unseen
            xargs mkdir </tmp/crowd
            census crowded
            xargs rmdir </tmp/crowd
            census deserted
            """#

    /// systemd's layout with the controllers in v1 and a v2 beside them that has none.
    static let hybridScript =
        functions + "container=/docker/\(digits("a"))\n" + #"""
            mount -t tmpfs none $cgroups
            for controllers in memory cpu,cpuacct pids; do
                mkdir $cgroups/$controllers
                mount -t cgroup -o $controllers none $cgroups/$controllers
            done
            ln -s cpu,cpuacct $cgroups/cpuacct
            mkdir $cgroups/unified
            mount -t cgroup2 none $cgroups/unified
            for hierarchy in memory cpuacct pids unified; do mkdir -p $cgroups/$hierarchy$container; done
            echo 64M >$cgroups/memory$container/memory.limit_in_bytes
            nobody="su nobody -c"
            serve
            sh -c '
                for hierarchy in memory cpuacct pids unified; do
                    echo $$ >/sys/fs/cgroup/$hierarchy$0/cgroup.procs
                done
                head -c 20000000 /dev/urandom >/tmp/file
                head -c 20000000 /dev/urandom | md5sum >/dev/null' $container
            copy() {
                rm -rf $1
                mkdir $1
                for hierarchy in memory cpuacct pids unified; do
                    cp -r $cgroups/$hierarchy$container $1/$hierarchy 2>/dev/null || :
                done
            }
            observe() {
                copy before
                page scraped
                copy after
                [ "$(cat before/memory/memory.usage_in_bytes)" = "$(cat after/memory/memory.usage_in_bytes)" ]
            }
            await observe

            settle
            echo 48M >$cgroups/memory$container/memory.limit_in_bytes
            echo 40M >$cgroups/memory/docker/memory.limit_in_bytes
            # On v1 a cgroup may not have more than what it is in.
            echo 30000 >$cgroups/cpuacct/docker/cpu.cfs_quota_us
            echo 20000 >$cgroups/cpuacct$container/cpu.cfs_quota_us
            echo 77 >$cgroups/pids$container/pids.max
            echo 66 >$cgroups/pids/docker/pids.max
            page written

            mkdir /second
            mount -t cgroup -o memory none /second
            echo 32M >/second$container/memory.limit_in_bytes
            echo 24M >/second/docker/memory.limit_in_bytes
            page rewritten
            """#
}
