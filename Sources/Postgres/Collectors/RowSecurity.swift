/// Tables whose rows policies could guard: all that users made, partitions too since each can be asked by itself, and
/// none that an extension made.
private func guardableTables(_ names: PostgresOptions.NameFilter) -> String {
    """
    pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND \(isUserSchema("n")) \
    AND \(names.condition(on: "(n.nspname || '.' || c.relname)")) \
    AND NOT EXISTS (SELECT FROM pg_depend AS d \
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')
    """
}

extension TableCollector {
    /// How many tables of each database guard their rows (`pg_class.relrowsecurity`), for those who keep several
    /// customers' rows in one table and have to prove that none sees another's.
    ///
    /// Tables that need no guard are left out by name, as of all that is shown of tables.
    static func rowSecurity(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "row_security",
            scope: .database,
            isSlow: true,
            source: "pg_class, pg_policy",
            columns: [
                .label("datname", "current_database()"),
                .gauge(
                    "pg_tables_with_row_security", "count(*) FILTER (WHERE c.relrowsecurity)",
                    "Tables that have row level security enabled (pg_class.relrowsecurity)."),
                .gauge(
                    "pg_tables_without_row_security", "count(*) FILTER (WHERE NOT c.relrowsecurity)",
                    """
                    Tables that do not: who may read such a table reads all of its rows (pg_class.relrowsecurity).
                    """),
                .gauge(
                    "pg_tables_row_security_not_forced",
                    "count(*) FILTER (WHERE c.relrowsecurity AND NOT c.relforcerowsecurity)",
                    """
                    Tables whose row level security does not hold for their owner; that is all of them that matter where \
                    the application logs in as the owner (pg_class.relforcerowsecurity).
                    """),
                .gauge(
                    "pg_tables_row_security_without_policy",
                    """
                    count(*) FILTER (WHERE c.relrowsecurity AND c.oid NOT IN (SELECT polrelid FROM pg_policy))
                    """,
                    "Tables that have row level security but no policy, so that they seem empty (pg_policy)."),
            ],
            from: guardableTables(relations.names)
        )
    }

    /// Table by table whether row level security is on (`pg_class.relrowsecurity`), those without it first, so that no
    /// limit hides one.
    static func tableRowSecurity(_ relations: PostgresOptions.Relations) -> TableCollector {
        TableCollector(
            "table_row_security",
            isEnabledByDefault: false,
            scope: .database,
            isSlow: true,
            source: "pg_class",
            columns: [
                .label("datname", "current_database()"),
                .label("schemaname", "n.nspname"),
                .label("relname", "c.relname"),
                .gauge(
                    "pg_table_row_security", "c.relrowsecurity",
                    "Whether the table has row level security enabled: 1 or 0 (pg_class.relrowsecurity)."),
                .gauge(
                    "pg_table_row_security_forced", "c.relforcerowsecurity",
                    "Whether it holds for the table's owner too: 1 or 0 (pg_class.relforcerowsecurity)."),
            ],
            from: """
                \(guardableTables(relations.names)) \
                ORDER BY c.relrowsecurity, n.nspname, c.relname LIMIT %limit%
                """
        )
    }
}
