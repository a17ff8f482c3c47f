/// The end of the write-ahead log as SQL: what was written on a primary, what was received on a standby.
///
/// NULL on a standby that has never received any, since it restores archived segments.
let walPosition = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END"
