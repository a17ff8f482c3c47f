import CLibPQ
import Glibc

/// The rows of one statement in text form, freed when their owner goes.
struct QueryResult: ~Copyable {
    private let raw: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Takes ownership.
    init(_ raw: OpaquePointer) {
        self.raw = raw
        rowCount = Int(PQntuples(raw))
        columnCount = Int(PQnfields(raw))
    }

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
        guard PQgetisnull(raw, Int32(row), Int32(column)) == 0, let value = PQgetvalue(raw, Int32(row), Int32(column))
        else { return nil }
        return String(cString: value)
    }

    /// A value as a number: any numeric type, and booleans as 1 and 0; `nil` for NULL and for what is no number.
    func number(_ row: Int, _ column: Int) -> Double? {
        guard PQgetisnull(raw, Int32(row), Int32(column)) == 0, let value = PQgetvalue(raw, Int32(row), Int32(column))
        else { return nil }
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
