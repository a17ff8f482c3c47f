/// What the columns of custom queries hold, read by their types as the server tells them, with `DateStyle` at `ISO` and
/// `IntervalStyle` at `postgres`.
extension QueryResult {
    /// A value that cannot be what it was declared to be.
    struct Unreadable: Error {
        let column: Int
        /// What belongs there: "a number".
        let expected: String
    }

    /// Types whose text is no number and stands for one, by their `pg_type.oid`.
    private enum Kind {
        case boolean, time, interval, other

        init(typeOID: UInt32) {
            self =
                switch typeOID {
                case 16: .boolean
                // date, timestamp, timestamp with time zone
                case 1082, 1114, 1184: .time
                case 1186: .interval
                default: .other
                }
        }
    }

    private func kind(ofColumn column: Int) -> Kind { Kind(typeOID: typeOID(ofColumn: column)) }

    /// A number of any type: booleans are 1 and 0, dates and times seconds since the epoch, intervals seconds, and text is
    /// what it says; `nil` for NULL.
    func quantity(_ row: Int, _ column: Int) throws(Unreadable) -> Double? {
        guard let text = text(row, column) else { return nil }
        let number: Double? =
            switch kind(ofColumn: column) {
            case .boolean: text == "t" ? 1 : 0
            case .time: epochSeconds(text)
            case .interval: intervalMicroseconds(text).map { $0 / 1e6 }
            case .other: Double(text)
            }
        guard let number else { throw Unreadable(column: column, expected: "a number") }
        return number
    }

    /// A duration in milliseconds: an interval, text such as `1h2m3.5s`, or a number of milliseconds; `nil` for NULL and
    /// for -1, by which the server's own settings say that there is none.
    func milliseconds(_ row: Int, _ column: Int) throws(Unreadable) -> Double? {
        guard let text = text(row, column), text != "-1" else { return nil }
        let number: Double? =
            switch kind(ofColumn: column) {
            case .interval: intervalMicroseconds(text).map { $0 / 1e3 }
            case .other: Double(text) ?? durationMilliseconds(text) ?? intervalMicroseconds(text).map { $0 / 1e3 }
            case .boolean, .time: nil
            }
        guard let number else { throw Unreadable(column: column, expected: "a duration") }
        return number
    }

    /// The numbers of an array with one dimension; `nil` for NULL.
    func numbers(_ row: Int, _ column: Int) throws(Unreadable) -> [Double]? {
        guard let text = text(row, column) else { return nil }
        guard text.hasPrefix("{"), text.hasSuffix("}") else {
            throw Unreadable(column: column, expected: "an array of numbers")
        }
        return try text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: text == "{}").map {
            element throws(Unreadable) in
            guard let number = Double(element) else {
                throw Unreadable(column: column, expected: "an array of numbers")
            }
            return number
        }
    }

    /// A label's text: booleans are `true` and `false`, dates and times whole seconds since the epoch, NULL is empty.
    func label(_ row: Int, _ column: Int) -> String {
        guard let text = text(row, column) else { return "" }
        switch kind(ofColumn: column) {
        case .boolean: return text == "t" ? "true" : "false"
        case .time: return epochSeconds(text).flatMap { Int(exactly: $0.rounded(.down)) }.map(String.init) ?? text
        case .interval, .other: return text
        }
    }
}
