extension InfoField {
    /// Fields that only rise, from the server's start or `CONFIG RESETSTAT`. Names and units are those of
    /// redis_exporter where it has the field.
    static let counters: [InfoField] = [
        // Stats
        InfoField("total_connections_received", as: "connections_received_total", "Connections accepted"),
        InfoField("total_commands_processed", as: "commands_processed_total", "Commands processed"),
        InfoField(
            "rejected_connections", as: "rejected_connections_total", "Connections turned away because of maxclients"),
        InfoField("total_net_input_bytes", as: "net_input_bytes_total", "Bytes read from the network"),
        InfoField("total_net_output_bytes", as: "net_output_bytes_total", "Bytes written to the network"),
        InfoField("total_net_repl_input_bytes", as: "net_repl_input_bytes_total", "Bytes read for replication"),
        InfoField("total_net_repl_output_bytes", as: "net_repl_output_bytes_total", "Bytes written for replication"),
        InfoField("expired_subkeys", as: "expired_subkeys_total", "Hash fields that expired", versions: "Redis 7.4+"),
        InfoField("expired_fields", as: "expired_fields_total", "Hash fields that expired", versions: "Valkey 9.0+"),
        InfoField("expired_keys", as: "expired_keys_total", "Keys that expired"),
        InfoField(
            "expired_time_cap_reached_count", as: "expired_time_cap_reached_total",
            "Rounds of expiry that ran out of time: expired keys pile up"),
        InfoField(
            "expire_cycle_cpu_milliseconds", as: "expire_cycle_cpu_time_ms_total",
            "Milliseconds of CPU spent on expiring keys"),
        InfoField("evicted_keys", as: "evicted_keys_total", "Keys evicted because of maxmemory"),
        InfoField(
            "evicted_clients", as: "evicted_clients_total",
            "Clients dropped because of maxmemory-clients", versions: "Redis 7.0+"),
        InfoField(
            "evicted_scripts", as: "evicted_scripts_total", "EVAL scripts dropped from the cache",
            versions: "Redis 7.4+"),
        InfoField(
            "total_eviction_exceeded_time", as: "eviction_exceeded_time_ms_total",
            "Milliseconds that memory was beyond maxmemory"),
        InfoField("keyspace_hits", as: "keyspace_hits_total", "Look-ups that found their key"),
        InfoField("keyspace_misses", as: "keyspace_misses_total", "Look-ups that did not find their key"),
        InfoField("eventloop_cycles", as: "eventloop_cycles_total", "Rounds of the event loop", versions: "Redis 7.2+"),
        InfoField(
            "eventloop_duration_sum", as: "eventloop_duration_sum_usec_total",
            "Microseconds that rounds of the event loop took", versions: "Redis 7.2+"),
        InfoField(
            "eventloop_duration_cmd_sum", as: "eventloop_duration_cmd_sum_usec_total",
            "Microseconds that the event loop spent on commands", versions: "Redis 7.2+"),
        InfoField("unexpected_error_replies", "Errors in places where the server has no error to give"),
        InfoField("total_error_replies", "Commands answered with an error"),
        InfoField("dump_payload_sanitizations", "Deep checks of payloads by RESTORE and RDB loading"),
        InfoField("total_reads_processed", "Reads from clients"),
        InfoField("total_writes_processed", "Writes to clients"),
        InfoField("io_threaded_reads_processed", "Reads from clients by I/O threads"),
        InfoField("io_threaded_writes_processed", "Writes to clients by I/O threads"),
        InfoField("io_threaded_freed_objects", "Objects freed by I/O threads", versions: "Valkey 8.0+"),
        InfoField("io_threaded_accept_processed", "Connections accepted by I/O threads", versions: "Valkey 8.1+"),
        InfoField("io_threaded_poll_processed", "Polls for clients by I/O threads", versions: "Valkey 8.0+"),
        InfoField(
            "io_threaded_total_prefetch_batches", "Batches of commands whose keys were fetched ahead",
            versions: "Valkey 8.0+"),
        InfoField("io_threaded_total_prefetch_entries", "Keys that were fetched ahead", versions: "Valkey 8.0+"),
        InfoField(
            "client_query_buffer_limit_disconnections", as: "client_query_buffer_limit_disconnections_total",
            "Clients dropped because their query was too long"),
        InfoField(
            "client_output_buffer_limit_disconnections", as: "client_output_buffer_limit_disconnections_total",
            "Clients dropped because they did not read their replies"),
        InfoField("reply_buffer_shrinks", as: "reply_buffer_shrinks_total", "Reply buffers made smaller"),
        InfoField("reply_buffer_expands", as: "reply_buffer_expands_total", "Reply buffers made larger"),
        InfoField(
            "acl_access_denied_auth", as: "acl_access_denied_auth_total",
            "Log-ins refused: wrong user or password", versions: "Redis 7.2+"),
        InfoField(
            "acl_access_denied_cmd", as: "acl_access_denied_cmd_total",
            "Commands refused that the user may not run", versions: "Redis 7.2+"),
        InfoField(
            "acl_access_denied_key", as: "acl_access_denied_key_total",
            "Commands refused because of a key that the user may not touch", versions: "Redis 7.2+"),
        InfoField(
            "acl_access_denied_channel", as: "acl_access_denied_channel_total",
            "Commands refused because of a channel that the user may not use", versions: "Redis 7.2+"),
        InfoField(
            "acl_access_denied_tls_cert", as: "acl_access_denied_tls_cert_total",
            "Log-ins refused by the client's certificate", versions: "Valkey 9.1+"),
        InfoField(
            "acl_access_denied_db", as: "acl_access_denied_db_total",
            "Commands refused because of a database that the user may not use", versions: "Valkey 9.1+"),
        InfoField("total_forks", as: "forks_total", "Child processes that were forked", versions: "Redis 6.2+"),
        InfoField(
            "aof_rewrites", as: "aof_rewrites_total", "Rewrites of the append-only file", versions: "Redis 7.0+"),
        InfoField(
            "total_cluster_links_buffer_limit_exceeded", as: "cluster_links_buffer_limit_exceeded_total",
            "Links to the cluster's other nodes that were cut because of cluster-link-sendbuf-limit",
            versions: "Redis 7.0+"),

        // CPU
        InfoField("used_cpu_sys", as: "cpu_sys_seconds_total", "Seconds of system CPU of the server"),
        InfoField("used_cpu_user", as: "cpu_user_seconds_total", "Seconds of user CPU of the server"),
        InfoField(
            "used_cpu_sys_children", as: "cpu_sys_children_seconds_total",
            "Seconds of system CPU of processes that write files in the background"),
        InfoField(
            "used_cpu_user_children", as: "cpu_user_children_seconds_total",
            "Seconds of user CPU of processes that write files in the background"),
        InfoField(
            "used_cpu_sys_main_thread", as: "cpu_sys_main_thread_seconds_total",
            "Seconds of system CPU of the thread that runs commands"),
        InfoField(
            "used_cpu_user_main_thread", as: "cpu_user_main_thread_seconds_total",
            "Seconds of user CPU of the thread that runs commands"),
        InfoField(
            "used_active_time_main_thread", as: "active_time_main_thread_seconds_total",
            "Seconds that the thread that runs commands was at work", versions: "Valkey"),

        // KeyDB
        InfoField(
            "cached_keys", as: "cached_keys_total", "Keys cached in memory in front of storage", versions: "KeyDB"),
        InfoField("storage_provider_read_hits", "Reads that storage could answer", versions: "KeyDB"),
        InfoField("storage_provider_read_misses", "Reads that storage could not answer", versions: "KeyDB"),

        // RediSearch
        InfoField(
            "search_total_indexing_time", as: "search_indexing_time_ms_total", "Milliseconds of taking in documents"),
        InfoField(
            "search_total_cycles", as: "search_cycles_total",
            "Rounds of the search indexes' garbage collection", versions: "RediSearch up to 2.10"),
        InfoField(
            "search_total_ms_run", as: "search_run_ms_total",
            "Milliseconds of the search indexes' garbage collection", versions: "RediSearch up to 2.10"),
        InfoField(
            "search_gc_total_cycles", as: "search_gc_cycles_total", "Rounds of the search indexes' garbage collection"),
        InfoField(
            "search_gc_total_ms_run", as: "search_gc_run_ms_total",
            "Milliseconds of the search indexes' garbage collection"),
        InfoField(
            "search_total_queries_processed", as: "search_queries_processed_total", "Search queries that ended well"),
        InfoField("search_total_query_commands", as: "search_query_commands_total", "Search commands"),
        InfoField(
            "search_total_query_execution_time_ms", as: "search_query_execution_time_ms_total",
            "Milliseconds of search queries"),
        InfoField(
            "search_total_active_queries", as: "search_active_queries_total", "Search queries that run at present"),

        // Valkey's modules
        InfoField("bf_bloom_defrag_hits", as: "bf_bloom_defrag_hits_total", "Bloom filters that defragmentation moved"),
        InfoField(
            "bf_bloom_defrag_misses", as: "bf_bloom_defrag_misses_total",
            "Bloom filters that defragmentation passed over"),
        InfoField(
            "search_worker_pool_suspend_cnt", as: "search_worker_pool_suspend_count",
            "Times that search threads were halted"),
        InfoField(
            "search_writer_resumed_cnt", as: "search_writer_resumed_count", "Times that search writers went on again"),
        InfoField(
            "search_reader_resumed_cnt", as: "search_reader_resumed_count", "Times that search readers went on again"),
        InfoField(
            "search_writer_suspension_expired_cnt", as: "search_writer_suspension_expired_count",
            "Halts of search writers that ended by time"),
        InfoField(
            "search_rdb_load_success_cnt", as: "search_rdb_load_success_count", "Search indexes loaded from an RDB file"
        ),
        InfoField(
            "search_rdb_load_failure_cnt", as: "search_rdb_load_failure_count",
            "Search indexes that could not be loaded from an RDB file"),
        InfoField(
            "search_rdb_save_success_cnt", as: "search_rdb_save_success_count", "Search indexes written to an RDB file"),
        InfoField(
            "search_rdb_save_failure_cnt", as: "search_rdb_save_failure_count",
            "Search indexes that could not be written to an RDB file"),
        InfoField("search_successful_requests_count", "Searches that ended well"),
        InfoField("search_failure_requests_count", "Searches that failed"),
        InfoField("search_hybrid_requests_count", "Searches by vector and filter together"),
        InfoField("search_inline_filtering_requests_count", "Searches that filtered while they went through vectors"),
        InfoField("search_hnsw_add_exceptions_count", "Vectors that an HNSW index failed to add"),
        InfoField("search_hnsw_remove_exceptions_count", "Vectors that an HNSW index failed to remove"),
        InfoField("search_hnsw_modify_exceptions_count", "Vectors that an HNSW index failed to change"),
        InfoField("search_hnsw_search_exceptions_count", "Searches in HNSW indexes that failed"),
        InfoField("search_hnsw_create_exceptions_count", "HNSW indexes that could not be made"),
        InfoField("search_vector_externing_entry_count", "Vectors shared with their hash"),
        InfoField(
            "search_vector_externing_generated_value_cnt", as: "search_vector_externing_generated_value_count",
            "Values made from shared vectors"),
        InfoField(
            "search_vector_externing_lru_promote_cnt", as: "search_vector_externing_lru_promote_count",
            "Shared vectors moved to the front of their cache"),
        InfoField(
            "search_vector_externing_deferred_entry_cnt", as: "search_vector_externing_deferred_entry_count",
            "Vectors whose sharing was put off"),
    ]
}
