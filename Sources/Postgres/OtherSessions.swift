/// The condition that a row of `pg_stat_activity` is not of one of our own sessions: the one that asks, and those that visit
/// databases meanwhile, which would come and go as series of their own.
///
/// - Parameter row: The row's name.
func isOthers(_ row: String) -> String {
    "\(row).pid <> pg_backend_pid() AND (\(row).application_name, \(row).usename) "
        + "IS DISTINCT FROM ('\(PostgresConnection.applicationName)', current_user)"
}
