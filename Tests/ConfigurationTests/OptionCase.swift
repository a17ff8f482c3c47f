import Foundation
import Testing

@testable import Configuration

/// A flag with its value, by the name and the variable of a replaced exporter's where it has one, and what it changes.
struct OptionCase: CustomTestStringConvertible, Sendable {
    let flag: String
    let value: String?
    let variable: String?
    let former: String?
    let seen: @Sendable (Settings) -> String
    let expected: String

    init(
        _ flag: String, _ value: String? = nil, _ variable: String? = nil, former: String? = nil, is expected: String,
        _ seen: @escaping @Sendable (Settings) -> String
    ) {
        (self.flag, self.value, self.variable, self.former) = (flag, value, variable, former)
        (self.seen, self.expected) = (seen, expected)
    }

    var testDescription: String { "--\(flag) \(value ?? "")" }

    /// The flag, our variable, the former flag and the other variable all mean the same, and differ from saying nothing.
    func check() throws {
        let load = { (arguments: [String], environment: [String: String]) in
            try Settings.load(arguments: arguments, environment: environment).settings
        }
        let argument = "--\(flag)" + (value.map { "=\($0)" } ?? "")
        #expect(seen(try load([argument], [:])) == expected)
        let isNegative = flag.hasPrefix("no-")
        let name = isNegative ? String(flag.dropFirst(3)) : flag
        let own = "STACK_EXPORTER_" + name.uppercased().replacing(/[.-]/, with: "_")
        let text = value ?? (isNegative ? "false" : "true")
        #expect(seen(try load([], [own: text])) == expected)
        if let former {
            let settings = try load(["-\(former)=\(text)"], [:])
            #expect(seen(settings) == expected)
            #expect(settings.warnings == ["--\(former) is now --\(name)"])
        }
        if let variable {
            #expect(seen(try load([], [variable: text])) == expected)
            // Our own variable goes first, and the flag before both.
            #expect(seen(try load([], [own: text, variable: "nonsense ="])) == expected)
            #expect(seen(try load([argument], [variable: "nonsense ="])) == expected)
        }
    }
}
