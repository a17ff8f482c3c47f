import CLibPQ
import Glibc
import Scraping

/// The rows of one statement in text form, freed when their owner goes.
struct QueryResult: ~Copyable {
    private let raw: OpaquePointer
    private(set) var rowCount: Int
    let columnCount: Int

    /// Takes ownership.
    init(_ raw: OpaquePointer) {
        self.raw = raw
        rowCount = Int(PQntuples(raw))
        columnCount = Int(PQnfields(raw))
    }

    /// Adds a copy of another result's only row.
    ///
    /// - Throws: Where that is more than the limit, or more than ``maximumSize``.
    mutating func append(rowOf other: OpaquePointer, limit: Int) throws(CollectorError) {
        guard rowCount < limit else {
            throw CollectorError(.internal, "the statement returns more than \(limit) rows: give it a LIMIT")
        }
        for column in 0..<Int32(columnCount) {
            let isNull = PQgetisnull(other, 0, column) == 1
            let length = isNull ? -1 : PQgetlength(other, 0, column)
            guard PQsetvalue(raw, Int32(rowCount), column, isNull ? nil : PQgetvalue(other, 0, column), length) == 1
            else { throw CollectorError(.internal, "there is no memory for the statement's rows") }
        }
        rowCount += 1
        guard PQresultMemorySize(raw) <= Self.maximumSize else {
            throw CollectorError(.internal, "the statement returns more than \(Self.maximumSize >> 20) MB")
        }
    }

    /// How many bytes rows that are read one by one may take.
    private static let maximumSize = 8 << 20

    deinit {
        PQclear(raw)
    }

    /// The name of a column as the server gave it.
    func name(ofColumn column: Int) -> String {
        PQfname(raw, Int32(column)).map { String(cString: $0) } ?? ""
    }

    /// The type of a column, by its `pg_type.oid`; a domain's is that of what it is made of.
    func typeOID(ofColumn column: Int) -> UInt32 {
        PQftype(raw, Int32(column))
    }

    /// Where the first column of that name is.
    func column(_ name: String) -> Int? {
        (0..<columnCount).first { self.name(ofColumn: $0) == name }
    }

    /// A value as text, with what is not UTF-8 replaced; `nil` for NULL.
    func text(_ row: Int, _ column: Int) -> String? {
        value(row, column).map { String(cString: $0) }
    }

    private func value(_ row: Int, _ column: Int) -> UnsafeMutablePointer<CChar>? {
        guard PQgetisnull(raw, Int32(row), Int32(column)) == 0 else { return nil }
        return PQgetvalue(raw, Int32(row), Int32(column))
    }

    /// A counter's value, which starts again from 0 at 2^53: beyond, a float has no room for single steps, and a rate
    /// would be of rounding errors.
    func count(_ row: Int, _ column: Int) -> Double? {
        guard let number = number(row, column), number >= 0x1p53, let text = text(row, column),
            let whole = UInt64(text)
        else { return number(row, column) }
        return Double(whole & (1 << 53 - 1))
    }

    /// A value as a number: any numeric type, and booleans as 1 and 0; `nil` for NULL and for what is no number.
    func number(_ row: Int, _ column: Int) -> Double? {
        guard let value = value(row, column) else { return nil }
        let length = Int(PQgetlength(raw, Int32(row), Int32(column)))
        if length == 1 {
            if value[0] == CChar(UInt8(ascii: "t")) { return 1 }
            if value[0] == CChar(UInt8(ascii: "f")) { return 0 }
        }
        var end: UnsafeMutablePointer<CChar>?
        let number = strtod(value, &end)
        return length > 0 && end == value + length ? number : nil
    }
}
