/// Numbers as people read them.
enum Wording {
    /// A number in a figure's unit: `1.5 GiB`, `3 min 4 s`.
    static func number(_ value: Double, _ unit: Figure.Unit) -> String {
        switch unit {
        case .count: grouped(value)
        case .bytes: bytes(value)
        case .seconds: seconds(value)
        case .ratio: percent(value)
        case .perSecond: "\(value >= 100 ? grouped(value.rounded()) : rounded(value, value >= 10 ? 1 : 2))/s"
        case .cores: value >= 10 ? rounded(value, 1) : rounded(value, 2)
        }
    }

    /// What a figure may be at most, where the unit has been said.
    static func limit(_ value: Double, _ unit: Figure.Unit) -> String {
        unit == .cores ? "\(rounded(value, 2)) \(value == 1 ? "core" : "cores")" : number(value, unit)
    }

    /// Of what is all but everything, everything is not said: 99.996 % are `99.99 %`.
    static func percent(_ share: Double) -> String {
        let percent = share * 100
        if percent > 99, percent < 100 { return "\(rounded(min(percent, 99.99), 2)) %" }
        return "\(rounded(percent, percent < 10 ? 1 : 0)) %"
    }

    static func bytes(_ value: Double) -> String {
        var value = value
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        // Not 1024 KiB where it is rounded to that.
        while abs(value) >= 1023.5, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(rounded(value, abs(value) < 9.95 && unit > 0 ? 1 : 0)) \(units[unit])"
    }

    /// The two largest units that say something.
    static func seconds(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e11 else { return "\(value) s" }
        if value < 0 { return "-\(seconds(-value))" }
        if value == 0 { return "0 s" }
        if value < 0.0095 { return "\(rounded(value * 1000, 1)) ms" }
        if value < 0.9995 { return "\(rounded(value * 1000, 0)) ms" }
        if value < 9.95 { return "\(rounded(value, 1)) s" }
        let whole = Int(value.rounded())
        return switch whole {
        case ..<60: "\(whole) s"
        case ..<3600: "\(whole / 60) min \(whole % 60) s"
        case ..<86_400: "\(whole / 3600) h \(whole / 60 % 60) min"
        default: "\(grouped(Double(whole / 86_400))) d \(whole / 3600 % 24) h"
        }
    }

    /// Whole seconds and more.
    static func duration(_ duration: Duration) -> String {
        seconds(Double(max(0, duration.components.seconds)))
    }

    /// `1,234,567`
    static func grouped(_ value: Double) -> String {
        guard value.magnitude < 1e15 else { return "\(value)" }
        guard value == value.rounded() else { return rounded(value, 2) }
        var digits = String(Int(value.magnitude))
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(Substring(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "-" : "") + ([Substring(digits)] + groups).joined(separator: ",")
    }

    /// With so many digits behind the point, of which zeros at the end are left out.
    static func rounded(_ value: Double, _ places: Int) -> String {
        guard value.magnitude < 1e15 else { return "\(value)" }
        let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((value.magnitude * Double(scale)).rounded())
        var fraction = scale == 1 ? "" : String(String(scaled % scale + scale).dropFirst())
        while fraction.hasSuffix("0") { fraction.removeLast() }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return "\(sign)\(scaled / scale)" + (fraction.isEmpty ? "" : ".\(fraction)")
    }

    /// `1 target`, `2 targets`
    static func count(_ count: Int, _ thing: String) -> String {
        "\(grouped(Double(count))) \(thing)\(count == 1 ? "" : "s")"
    }

    /// The first few, and how many more there are.
    static func list(_ names: [String], most: Int = 3) -> String {
        let more = names.count - most
        let shown = names.prefix(most).map { $0.shortened(to: 40) }.joined(separator: ", ")
        return more > 0 ? "\(shown) and \(more) more" : shown
    }
}
