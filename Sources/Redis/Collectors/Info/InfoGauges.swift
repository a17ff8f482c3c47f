extension InfoField {
    /// Fields that go up and down. Names and units are those of redis_exporter where it has the field.
    static let gauges: [InfoField] = [
        // Server
        InfoField("uptime_in_seconds", "Seconds since the server was started"),
        InfoField("process_id", "Process id of the server"),
        InfoField("hz", "How often a second background tasks run at present; it adapts to the number of clients"),
        InfoField("configured_hz", "How often a second background tasks run by configuration"),
        InfoField("io_threads_active", "Whether I/O threads are in use"),

        // Clients
        InfoField("connected_clients", "Open client connections, without those of replicas"),
        InfoField("blocked_clients", "Clients that wait in a blocking command such as BLPOP"),
        InfoField("maxclients", as: "max_clients", "Connections that the server accepts at most"),
        InfoField("tracking_clients", "Clients that use server-assisted client-side caching"),
        InfoField("clients_in_timeout_table", "Blocked clients whose wait ends at a set time"),
        InfoField("pubsub_clients", "Clients that are subscribed to something", versions: "Redis 7.4+"),
        InfoField("watching_clients", "Clients that WATCH keys", versions: "Redis 7.4+"),
        InfoField("total_watched_keys", "Keys that clients WATCH", versions: "Redis 7.4+"),
        InfoField("total_blocking_keys", "Keys that clients wait for", versions: "Redis 7.2+"),
        InfoField(
            "total_blocking_keys_on_nokey", "Keys whose deletion clients wait for, too", versions: "Redis 7.2+"),
        InfoField(
            "client_longest_output_list", "Longest list of replies that a client has not read",
            versions: "Redis up to 4"),
        InfoField("client_biggest_input_buf", "Largest query buffer of a client in bytes", versions: "Redis up to 4"),
        InfoField(
            "client_recent_max_output_buffer", as: "client_recent_max_output_buffer_bytes",
            "Largest reply buffer of a client in the last seconds"),
        InfoField(
            "client_recent_max_input_buffer", as: "client_recent_max_input_buffer_bytes",
            "Largest query buffer of a client in the last seconds"),
        InfoField(
            "paused_timeout_milliseconds", as: "paused_timeout_seconds",
            "Seconds for which clients are still held up, by CLIENT PAUSE, a failover and the like",
            versions: "Valkey 8.1+",
            divisor: 1e3),

        // Memory
        InfoField("allocator_active", as: "allocator_active_bytes", "Bytes in pages that the allocator has in use"),
        InfoField("allocator_allocated", as: "allocator_allocated_bytes", "Bytes that the allocator has handed out"),
        InfoField("allocator_resident", as: "allocator_resident_bytes", "Bytes of the allocator that are in memory"),
        InfoField("allocator_frag_ratio", "Active bytes of the allocator by allocated ones: external fragmentation"),
        InfoField("allocator_frag_bytes", "Active bytes of the allocator less allocated ones"),
        InfoField(
            "allocator_muzzy", as: "allocator_muzzy_bytes",
            "Bytes that the allocator has offered back to the system and the system has not taken"),
        InfoField("allocator_rss_ratio", "Resident bytes of the allocator by active ones: pages it could give back"),
        InfoField("allocator_rss_bytes", "Resident bytes of the allocator less active ones"),
        InfoField("rss_overhead_ratio", "Resident bytes of the process by those of the allocator"),
        InfoField("rss_overhead_bytes", "Resident bytes of the process less those of the allocator"),
        InfoField("used_memory", as: "memory_used_bytes", "Bytes that the server has allocated"),
        InfoField("used_memory_rss", as: "memory_used_rss_bytes", "Bytes of the server that are in memory"),
        InfoField("used_memory_peak", as: "memory_used_peak_bytes", "Most bytes ever allocated since the start"),
        InfoField("used_memory_lua", as: "memory_used_lua_bytes", "Bytes of the Lua engine for EVAL scripts"),
        InfoField(
            "used_memory_vm_eval", as: "memory_used_vm_eval_bytes",
            "Bytes of the engine for EVAL scripts, beyond the data set", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_scripts_eval", as: "memory_used_scripts_eval_bytes",
            "Bytes that cached EVAL scripts cost the server", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_overhead", as: "memory_used_overhead_bytes",
            "Bytes of bookkeeping: buffers, tables, backlog, what the server had at start"),
        InfoField("used_memory_startup", as: "memory_used_startup_bytes", "Bytes that the server took at its start"),
        InfoField("used_memory_dataset", as: "memory_used_dataset_bytes", "Bytes of data: used less overhead"),
        InfoField("number_of_cached_scripts", "EVAL scripts in the cache", versions: "Redis 7.0+"),
        InfoField("number_of_functions", "Functions that are loaded", versions: "Redis 7.0+"),
        InfoField("number_of_libraries", "Function libraries that are loaded", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_vm_functions", as: "memory_used_vm_functions_bytes",
            "Bytes of the engine for functions, beyond the data set", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_scripts", as: "memory_used_scripts_bytes",
            "Bytes that scripts and functions cost the server", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_functions", as: "memory_used_functions_bytes",
            "Bytes that functions cost the server", versions: "Redis 7.0+"),
        InfoField(
            "used_memory_vm_total", as: "memory_used_vm_total",
            "Bytes of the engines for scripts and functions together", versions: "Redis 7.0+"),
        InfoField(
            "total_system_memory", as: "total_system_memory_bytes", "Memory of the machine or its container host"),
        InfoField(
            "maxmemory", as: "memory_max_bytes", "Bytes that data may take before keys are evicted; 0 is no limit"),
        InfoField(
            "maxmemory_reservation", as: "memory_max_reservation_bytes",
            "Bytes that are kept free for other than data", versions: "Azure"),
        InfoField(
            "maxmemory_desired_reservation", as: "memory_max_reservation_desired_bytes",
            "Bytes that should be kept free for other than data", versions: "Azure"),
        InfoField(
            "maxfragmentationmemory_reservation", as: "memory_max_fragmentation_reservation_bytes",
            "Bytes that are kept free for fragmentation", versions: "Azure"),
        InfoField(
            "maxfragmentationmemory_desired_reservation", as: "memory_max_fragmentation_reservation_desired_bytes",
            "Bytes that should be kept free for fragmentation", versions: "Azure"),
        InfoField("mem_fragmentation_ratio", "Resident bytes of the process by bytes that it has allocated"),
        InfoField("mem_fragmentation_bytes", "Resident bytes of the process less bytes that it has allocated"),
        InfoField(
            "mem_clients_slaves", "Bytes of the buffers for replicas; none beyond the shared ones since Redis 7.0"),
        InfoField("mem_clients_normal", "Bytes of the buffers for clients"),
        InfoField(
            "mem_cluster_links", as: "mem_cluster_links_bytes",
            "Bytes of the links to the cluster's other nodes", versions: "Redis 7.0+"),
        InfoField(
            "mem_aof_buffer", as: "mem_aof_buffer_bytes", "Bytes that wait to be written to the append-only file"),
        InfoField(
            "mem_replication_backlog", as: "mem_replication_backlog_bytes",
            "Bytes of the backlog from which replicas catch up"),
        InfoField(
            "expired_stale_perc", as: "expired_stale_percentage",
            "Estimated share of keys that have expired and still take memory, in percent"),
        InfoField(
            "mem_not_counted_for_evict", as: "mem_not_counted_for_eviction_bytes",
            "Bytes that do not count against maxmemory: buffers of replicas and of the append-only file"),
        InfoField(
            "mem_total_replication_buffers", as: "mem_total_replication_buffers_bytes",
            "Bytes of all replication buffers, the backlog included", versions: "Redis 7.0+"),
        InfoField(
            "mem_replica_full_sync_buffer", as: "mem_replica_full_sync_buffer_bytes",
            "Bytes of the master's new writes that a replica holds back while it loads all data", versions: "Redis 8.0+"
        ),
        InfoField(
            "mem_replicas_repl_buffer", as: "mem_replicas_repl_buffer_bytes",
            "Bytes of the primary's new writes that a replica holds back while it loads all data",
            versions: "Valkey 9.0+"),
        InfoField(
            "mem_overhead_db_hashtable_rehashing", as: "mem_overhead_db_hashtable_rehashing_bytes",
            "Bytes of the tables that are being replaced by larger or smaller ones", versions: "Redis 7.4+"),
        InfoField("lazyfree_pending_objects", "Objects that wait to be freed in the background"),
        InfoField("lazyfreed_objects", "Objects that were freed in the background"),
        InfoField(
            "active_defrag_running", "How much CPU active defragmentation may take at present, in percent; 0 is off"),
        InfoField(
            "migrate_cached_sockets", as: "migrate_cached_sockets_total", "Open connections for MIGRATE, at present"),
        InfoField("active_defrag_hits", as: "defrag_hits", "Values that active defragmentation has moved"),
        InfoField("active_defrag_misses", as: "defrag_misses", "Values that active defragmentation tried in vain"),
        InfoField("active_defrag_key_hits", as: "defrag_key_hits", "Keys that active defragmentation has moved"),
        InfoField("active_defrag_key_misses", as: "defrag_key_misses", "Keys that active defragmentation passed over"),

        // Persistence
        InfoField("loading", as: "loading_dump_file", "Whether the server is loading its data from disk"),
        InfoField("async_loading", "Whether a replica loads new data while it serves the old", versions: "Redis 7.0+"),
        InfoField(
            "loading_start_time", as: "loading_start_timestamp_seconds",
            "When the loading under way was begun, in seconds since 1970"),
        InfoField("loading_total_bytes", "Bytes of the file that is being loaded"),
        InfoField("loading_loaded_bytes", "Bytes of the file that have been loaded"),
        InfoField("loading_eta_seconds", "Estimated seconds until everything is loaded"),
        InfoField(
            "current_cow_peak", as: "current_cow_peak_bytes",
            "Most bytes copied because they changed, while the child process under way runs", versions: "Redis 7.0+"),
        InfoField(
            "current_cow_size", as: "current_cow_size_bytes",
            "Bytes copied because they changed, while the child process under way runs", versions: "Redis 6.2+"),
        InfoField(
            "current_cow_size_age", as: "current_cow_size_age_seconds",
            "Seconds since the child process under way last told its copied bytes", versions: "Redis 6.2+"),
        InfoField("current_fork_perc", "How far the child process under way is, in percent", versions: "Redis 6.2+"),
        InfoField(
            "current_save_keys_processed", "Keys that the child process under way has written", versions: "Redis 6.2+"),
        InfoField(
            "current_save_keys_total", "Keys that the child process under way has to write", versions: "Redis 6.2+"),
        InfoField("rdb_changes_since_last_save", "Changes that a crash would lose, were there only the RDB file"),
        InfoField("rdb_bgsave_in_progress", "Whether an RDB file is being written"),
        InfoField(
            "rdb_last_save_time", as: "rdb_last_save_timestamp_seconds",
            "When an RDB file was last written well, in seconds since 1970; at first the start"),
        InfoField("rdb_last_bgsave_status", "Whether the last RDB file was written well"),
        InfoField(
            "rdb_last_bgsave_time_sec", as: "rdb_last_bgsave_duration_sec",
            "Seconds that the last RDB file took; -1 before the first"),
        InfoField(
            "rdb_current_bgsave_time_sec", as: "rdb_current_bgsave_duration_sec",
            "Seconds since the RDB file under way was begun; -1 where there is none"),
        InfoField("rdb_saves", as: "rdb_saves_total", "RDB files written since the start"),
        InfoField(
            "rdb_last_cow_size", as: "rdb_last_cow_size_bytes",
            "Bytes that were copied because they changed while the last RDB file was written"),
        InfoField(
            "rdb_last_load_keys_expired", as: "rdb_last_load_expired_keys",
            "Keys that had expired when the last RDB file was loaded", versions: "Redis 7.0+"),
        InfoField(
            "rdb_last_load_keys_loaded", as: "rdb_last_load_loaded_keys",
            "Keys that the last RDB file gave", versions: "Redis 7.0+"),
        InfoField(
            "aof_rewrites_consecutive_failures",
            "Rewrites of the append-only file that have failed since one went well",
            versions: "Redis 7.0+"),
        InfoField("aof_enabled", "Whether changes are written to the append-only file"),
        InfoField("aof_rewrite_in_progress", "Whether the append-only file is being rewritten"),
        InfoField(
            "aof_rewrite_scheduled", "Whether a rewrite of the append-only file waits for an RDB file to be done"),
        InfoField(
            "aof_last_rewrite_time_sec", as: "aof_last_rewrite_duration_sec",
            "Seconds that the last rewrite of the append-only file took; -1 before the first"),
        InfoField(
            "aof_current_rewrite_time_sec", as: "aof_current_rewrite_duration_sec",
            "Seconds since the rewrite under way was begun; -1 where there is none"),
        InfoField(
            "aof_last_cow_size", as: "aof_last_cow_size_bytes",
            "Bytes that were copied because they changed during the last rewrite of the append-only file"),
        InfoField("aof_current_size", as: "aof_current_size_bytes", "Bytes of the append-only file"),
        InfoField("aof_base_size", as: "aof_base_size_bytes", "Bytes of the append-only file after its last rewrite"),
        InfoField("aof_pending_rewrite", "Whether a rewrite of the append-only file waits to begin"),
        InfoField("aof_buffer_length", "Bytes that wait to be written to the append-only file"),
        InfoField(
            "aof_rewrite_buffer_length", "Bytes of changes that wait for a rewrite to take them in",
            versions: "Redis up to 6"),
        InfoField("aof_pending_bio_fsync", "Calls of fsync for the append-only file that wait in the background"),
        InfoField("aof_delayed_fsync", "Writes to the append-only file that waited for fsync: a slow disk"),
        InfoField("aof_last_bgrewrite_status", "Whether the last rewrite of the append-only file went well"),
        InfoField("aof_last_write_status", "Whether the last write to the append-only file went well"),
        InfoField(
            "slot_migration_fork_in_progress", "Whether a child process sends slots to another node",
            versions: "Valkey 9.0+"),
        InfoField("module_fork_in_progress", "Whether a module has forked the server"),
        InfoField("module_fork_last_cow_size", "Bytes copied because they changed during a module's last fork"),

        // Stats
        InfoField(
            "current_eviction_exceeded_time", as: "current_eviction_exceeded_time_ms",
            "Milliseconds since memory went beyond maxmemory; 0 where it is not"),
        InfoField("instantaneous_ops_per_sec", "Commands a second, over the last 1.6 seconds"),
        InfoField(
            "instantaneous_input_kbps",
            "Kilobytes (1024 bytes) a second read from the network, over the last 1.6 seconds"),
        InfoField(
            "instantaneous_output_kbps",
            "Kilobytes (1024 bytes) a second written to the network, over the last 1.6 seconds"),
        InfoField(
            "instantaneous_input_repl_kbps",
            "Kilobytes (1024 bytes) a second read for replication, over the last 1.6 seconds",
            versions: "Redis 7.0+"),
        InfoField(
            "instantaneous_output_repl_kbps",
            "Kilobytes (1024 bytes) a second written for replication, over the last 1.6 seconds",
            versions: "Redis 7.0+"),
        InfoField(
            "expired_keys_with_volatile_items_stale_perc", as: "expired_keys_with_volatile_items_stale_percentage",
            "Estimated share of hashes with fields that have expired and still take memory, in percent",
            versions: "Valkey 9.0+"),
        InfoField("pubsub_channels", "Channels with subscribers"),
        InfoField("pubsub_patterns", "Patterns with subscribers"),
        InfoField("pubsubshard_channels", "Shard channels with subscribers", versions: "Redis 7.0.3+"),
        InfoField(
            "latest_fork_usec", as: "latest_fork_seconds", "How long the last fork stopped the server, in seconds",
            divisor: 1e6),
        InfoField("tracking_total_keys", "Keys that are tracked for clients that cache them"),
        InfoField("tracking_total_items", "Pairs of key and client that are tracked"),
        InfoField("tracking_total_prefixes", "Prefixes that are tracked for clients in broadcast mode"),
        InfoField(
            "instantaneous_eventloop_cycles_per_sec", "Rounds of the event loop a second", versions: "Redis 7.2+"),
        InfoField(
            "instantaneous_eventloop_duration_usec",
            "Microseconds that a round of the event loop takes", versions: "Redis 7.2+"),

        // Replication
        InfoField("connected_slaves", "Replicas that are connected"),
        InfoField(
            "min_slaves_good_slaves", "Replicas that lag little enough to count for min-replicas-to-write"),
        InfoField(
            "replicas_waiting_psync", "Replicas that are being sent all data and wait to go on from there",
            versions: "Valkey 8.0+"),
        InfoField(
            "replicas_repl_buffer_size", as: "replicas_repl_buffer_size_bytes",
            "Bytes of the primary's new writes that this replica holds back", versions: "Valkey 8.0+"),
        InfoField(
            "replicas_repl_buffer_peak", as: "replicas_repl_buffer_peak_bytes",
            "Most bytes of the primary's new writes that this replica has held back", versions: "Valkey 8.0+"),
        InfoField(
            "master_link_down_since_seconds",
            "Seconds since the replica lost its master; absent while it is linked, and where it never was", minimum: 0),
        InfoField(
            "master_sync_total_bytes",
            "Bytes of all data that the replica is being sent; absent where that is not known",
            minimum: 1),
        InfoField("master_sync_read_bytes", "Bytes that the replica has got of all data that it is being sent"),
        InfoField(
            "master_sync_left_bytes", "Bytes that the replica has yet to get; absent where that is not known",
            minimum: 0),
        InfoField(
            "master_sync_last_io_seconds_ago",
            "Seconds since the replica last got some of all data that it is being sent",
            minimum: 0),
        InfoField(
            "slave_read_repl_offset", "Replication offset up to which the replica has got what its master wrote",
            versions: "Redis 6.2+"),
        InfoField("repl_backlog_size", as: "replication_backlog_bytes", "Bytes that the replication backlog may hold"),
        InfoField("repl_backlog_active", as: "repl_backlog_is_active", "Whether there is a replication backlog"),
        InfoField("repl_backlog_first_byte_offset", "Replication offset of the backlog's first byte"),
        InfoField("repl_backlog_histlen", as: "repl_backlog_history_bytes", "Bytes in the replication backlog"),
        InfoField(
            "master_repl_offset", "Replication offset of what the server has written; differences are bytes of lag"),
        InfoField("second_repl_offset", "Up to which offset replicas of the former master are taken; -1 is none"),
        InfoField("slave_expires_tracked_keys", "Keys with an expiry that a writable replica has of its own"),
        InfoField("slave_priority", "The replica's rank in failover: the lowest goes first, 0 never becomes master"),
        InfoField("sync_full", as: "replica_resyncs_full", "Replicas that were sent all data, since the start"),
        InfoField(
            "sync_partial_ok", as: "replica_partial_resync_accepted",
            "Replicas that could catch up from the backlog, since the start"),
        InfoField(
            "sync_partial_err", as: "replica_partial_resync_denied",
            "Replicas that wanted to catch up and had to be sent all data, since the start"),

        // Cluster
        InfoField(
            "cluster_stats_messages_sent", as: "cluster_messages_sent_total", "Messages sent over the cluster's own bus"
        ),
        InfoField(
            "cluster_stats_messages_received", as: "cluster_messages_received_total",
            "Messages received over the cluster's own bus"),

        // Sentinel
        InfoField("sentinel_masters", "Masters that this sentinel watches"),
        InfoField("sentinel_tilt", "Whether the sentinel does not trust its clock and only watches"),
        InfoField(
            "sentinel_tilt_since_seconds",
            "Seconds for which the sentinel has not trusted its clock; absent where it does",
            versions: "Redis 7.0+", minimum: 0),
        InfoField("sentinel_running_scripts", "Notification scripts that run"),
        InfoField("sentinel_scripts_queue_length", "Notification scripts that wait to run"),
        InfoField("sentinel_simulate_failure_flags", "Failures that the sentinel simulates for a test"),

        // Scripting engines
        InfoField("engines_count", as: "scripting_engines_count", "Engines that run scripts", versions: "Valkey 9.1+"),
        InfoField(
            "engines_total_used_memory", as: "scripting_engines_memory_used_bytes",
            "Bytes that engines for scripts have allocated", versions: "Valkey 9.1+"),
        InfoField(
            "engines_total_memory_overhead", as: "scripting_engines_memory_overhead_bytes",
            "Bytes that the server takes to keep engines for scripts", versions: "Valkey 9.1+"),

        // Tile38
        InfoField("tile38_aof_size", as: "tile38_aof_size_bytes", "Bytes of Tile38's append-only file"),
        InfoField("tile38_avg_point_size", as: "tile38_avg_item_size_bytes", "Mean bytes of an item in Tile38"),
        InfoField("tile38_sys_cpus", as: "tile38_cpus_total", "CPUs that Tile38 sees"),
        InfoField("tile38_heap_released_bytes", "Heap bytes that Tile38 has given back to the system"),
        InfoField("tile38_heap_alloc_bytes", as: "tile38_heap_size_bytes", "Heap bytes of Tile38 in use"),
        InfoField("tile38_http_transport", "Whether Tile38 answers HTTP"),
        InfoField("tile38_in_memory_size", as: "tile38_in_memory_size_bytes", "Estimated bytes of Tile38's data"),
        InfoField("tile38_max_heap_size", as: "tile38_max_heap_size_bytes", "Heap bytes that Tile38 may take"),
        InfoField("tile38_alloc_bytes", as: "tile38_mem_alloc_bytes", "Bytes that Tile38 has allocated"),
        InfoField("tile38_num_collections", as: "tile38_num_collections_total", "Collections in Tile38"),
        InfoField("tile38_num_hooks", as: "tile38_num_hooks_total", "Hooks in Tile38"),
        InfoField("tile38_num_objects", as: "tile38_num_objects_total", "Objects in Tile38"),
        InfoField("tile38_num_points", as: "tile38_num_points_total", "Points in Tile38"),
        InfoField("tile38_pointer_size", as: "tile38_pointer_size_bytes", "Bytes of a pointer in Tile38"),
        InfoField("tile38_read_only", "Whether Tile38 takes no changes"),
        InfoField("tile38_go_threads", as: "tile38_threads_total", "Threads of Tile38"),
        InfoField("tile38_go_goroutines", as: "tile38_go_goroutines_total", "Goroutines of Tile38"),
        InfoField("tile38_last_gc_time_seconds", "When Tile38 last collected garbage, in seconds since 1970"),
        InfoField("tile38_next_gc_bytes", "Heap bytes at which Tile38 next collects garbage"),

        // KeyDB
        InfoField("server_threads", as: "server_threads_total", "Threads that serve clients", versions: "KeyDB"),
        InfoField("long_lock_waits", as: "long_lock_waits_total", "Long waits for the global lock", versions: "KeyDB"),
        InfoField("current_client_thread", "The thread that served this INFO", versions: "KeyDB"),

        // RediSearch
        InfoField("search_number_of_indexes", "Search indexes"),
        InfoField("search_used_memory_indexes", as: "search_used_memory_indexes_bytes", "Bytes of all search indexes"),
        InfoField("search_dialect_1", "Whether a search index was queried in dialect 1"),
        InfoField("search_dialect_2", "Whether a search index was queried in dialect 2"),
        InfoField("search_dialect_3", "Whether a search index was queried in dialect 3"),
        InfoField("search_dialect_4", "Whether a search index was queried in dialect 4"),
        InfoField("search_global_idle", "Idle search cursors", versions: "RediSearch up to 2.10"),
        InfoField("search_global_total", "Search cursors", versions: "RediSearch up to 2.10"),
        InfoField(
            "search_bytes_collected", as: "search_collected_bytes",
            "Bytes that the search indexes' garbage collection has freed", versions: "RediSearch up to 2.10"),
        InfoField("search_number_of_active_indexes", "Search indexes that run a query or take in documents"),
        InfoField("search_number_of_active_indexes_running_queries", "Search indexes that run a query"),
        InfoField("search_number_of_active_indexes_indexing", "Search indexes that take in documents"),
        InfoField("search_total_active_write_threads", "Threads that write to search indexes"),
        InfoField("search_total_num_docs_in_indexes", "Documents in all search indexes"),
        InfoField(
            "search_smallest_memory_index", as: "search_smallest_memory_index_bytes",
            "Bytes of the smallest search index"),
        InfoField(
            "search_largest_memory_index", as: "search_largest_memory_index_bytes", "Bytes of the largest search index"),
        InfoField(
            "search_used_memory_vector_index", as: "search_used_memory_vector_index_bytes",
            "Bytes of all vector indexes"),
        InfoField("search_global_idle_user", "Idle search cursors of clients"),
        InfoField("search_global_idle_internal", "Idle search cursors between nodes"),
        InfoField("search_global_total_user", "Search cursors of clients"),
        InfoField("search_global_total_internal", "Search cursors between nodes"),
        InfoField(
            "search_gc_bytes_collected", as: "search_gc_collected_bytes",
            "Bytes that the search indexes' garbage collection has freed"),
        InfoField("search_gc_total_docs_not_collected", "Deleted documents that still take room in search indexes"),
        InfoField("search_gc_marked_deleted_vectors", "Deleted vectors that still take room in vector indexes"),
        InfoField("search_errors_indexing_failures", "Documents that a search index could not take in"),

        // Valkey's modules
        InfoField("bf_bloom_total_memory_bytes", "Bytes of all Bloom filters"),
        InfoField("bf_bloom_num_objects", "Keys that are Bloom filters"),
        InfoField("bf_bloom_num_filters_across_objects", "Filters in all Bloom objects, scaled-out ones counted each"),
        InfoField("bf_bloom_num_items_across_objects", "Items that were added to Bloom filters"),
        InfoField("bf_bloom_capacity_across_objects", "Items that all Bloom filters have room for"),
        InfoField("json_total_memory_bytes", "Bytes of all JSON documents"),
        InfoField("json_num_documents", "JSON documents"),
        InfoField("search_used_memory_bytes", "Bytes of Valkey's search module"),
        InfoField("search_number_of_attributes", "Attributes of all search indexes"),
        InfoField("search_total_indexed_documents", "Documents in Valkey's search indexes"),
        InfoField("search_query_queue_size", "Queries that wait for a search thread"),
        InfoField("search_writer_queue_size", "Changes that wait to be taken into search indexes"),
        InfoField("search_string_interning_store_size", "Strings that search indexes share"),
        InfoField("search_vector_externing_hash_extern_errors", "Vectors that could not be shared with their hash"),
        InfoField("search_vector_externing_num_lru_entries", "Vectors in the cache of shared ones"),
    ]
}
