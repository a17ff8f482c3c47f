/// Values by name, of which the ones that came first go where there are too many.
struct BoundedTable<Value: Sendable>: Sendable {
    private let limit: Int
    private var values: [String: (value: Value, serial: UInt64)] = [:]
    /// The names in the order in which they came, from ``first`` on; also those that have been taken out since.
    private var order: [(name: String, serial: UInt64)] = []
    private var first = 0
    private var serial: UInt64 = 0

    /// - Parameter limit: How many there may be, at least one.
    init(limit: Int) {
        self.limit = max(limit, 1)
    }

    /// How many there are.
    var count: Int { values.count }

    /// The value of a name; one that is there keeps its place when it is changed.
    subscript(name: String) -> Value? {
        get { values[name]?.value }
        set {
            guard let newValue else {
                values[name] = nil
                return
            }
            if let known = values[name] {
                values[name] = (newValue, known.serial)
            } else {
                if isFull { removeFirst() }
                serial += 1
                values[name] = (newValue, serial)
                order.append((name, serial))
                if order.count > 3 * limit { tidy() }
            }
        }
    }

    /// Whether one goes for the next one that comes.
    var isFull: Bool { values.count >= limit }

    /// Takes out the one that came first, where the condition holds for it.
    @discardableResult
    mutating func removeFirst(where condition: (Value) -> Bool = { _ in true }) -> Value? {
        while first < order.count {
            let (name, serial) = order[first]
            if let known = values[name], known.serial == serial {
                guard condition(known.value) else { return nil }
                first += 1
                values[name] = nil
                return known.value
            }
            first += 1
        }
        return nil
    }

    /// Forgets the places of what is not there any more: at least two thirds.
    private mutating func tidy() {
        order = order[first...].filter { values[$0.name]?.serial == $0.serial }
        first = 0
    }
}
