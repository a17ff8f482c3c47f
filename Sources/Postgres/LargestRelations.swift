/// The bounds on tables and indexes, as SQL.
///
/// The largest ones, by the pages that their statistics name, have a row each. All others are added up in one more row,
/// where there are any, so that sums over a database stay right. What the name filter does not admit is in neither.
extension PostgresOptions.Relations {
    /// All behind `FROM`: the view's rows in groups, the largest relation first, the rest last.
    ///
    /// Every column has to be one of ``label(_:)``, ``single(_:)``, or an aggregate that adds up.
    ///
    /// - Parameters:
    ///   - view: A view with the columns `schemaname` and `relname`, which the filter is asked about: an index is left out
    ///     with its table.
    ///   - id: The column that holds the `pg_class.oid` of the table or index.
    func groups(of view: String, by id: String) -> String {
        """
        (SELECT ranked.*, CASE WHEN rank <= %limit% THEN rank END AS place FROM (SELECT s.*, \
        row_number() OVER (ORDER BY c.relpages DESC, c.oid) AS rank FROM \(view) AS s \
        JOIN pg_class AS c ON c.oid = s.\(id) WHERE \(names.condition(on: "(s.schemaname || '.' || s.relname)"))) \
        AS ranked) AS grouped GROUP BY place ORDER BY place
        """
    }

    /// The name of a relation, or of what it belongs to, by the view's column: `(other)` for the rest.
    func label(_ name: String) -> TableCollector.Column {
        .label(name, "CASE WHEN place IS NULL THEN '(other)' ELSE min(\(name)) END")
    }

    /// The schema of a relation, which the rest has none of.
    var schema: TableCollector.Column {
        .label("schemaname", "CASE WHEN place IS NULL THEN '' ELSE min(schemaname) END")
    }

    /// An expression that says something of one relation, and nothing of many.
    func single(_ expression: String) -> String {
        "CASE WHEN place IS NOT NULL THEN \(expression) END"
    }
}
