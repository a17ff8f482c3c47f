/// The condition for schemas whose tables, indexes and sequences are users': neither the system's nor temporary ones.
///
/// - Parameter namespace: An alias of `pg_namespace`.
func isUserSchema(_ namespace: String) -> String {
    "\(namespace).nspname <> 'information_schema' AND \(namespace).nspname !~ '^pg_'"
}
