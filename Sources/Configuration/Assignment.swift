/// What is said of an option, and where.
struct Assignment: Sendable {
    let option: Option
    let value: Option.Value
    let source: SettingSource
}

/// Where a setting was said.
enum SettingSource: Sendable, Equatable, CustomStringConvertible {
    /// A flag without its dashes.
    case flag(String)
    case variable(String)
    case file(YAMLNode.Place)

    var description: String {
        switch self {
        case .flag(let name): "--\(name)"
        case .variable(let name): name
        case .file(let place): "\(place)"
        }
    }

    /// What is wrong there and how to mend it.
    func error(_ sentence: String) -> ConfigurationError { ConfigurationError("\(self): \(sentence)") }
}

extension [Assignment] {
    /// These under a higher layer, which holds where both say something.
    ///
    /// - Parameter subject: What two assignments are of that do not hold together.
    func overridden(by higher: [Assignment], subject: (Option) -> String = \.subject) -> [Assignment] {
        remaining(under: higher, subject: subject) + higher
    }

    /// Those that hold under a higher layer.
    func remaining(under higher: [Assignment], subject: (Option) -> String = \.subject) -> [Assignment] {
        let said = Set(higher.map { subject($0.option) })
        return filter { !said.contains(subject($0.option)) }
    }
}

extension Option {
    /// What it is about: two options that say the same thing in two ways share it.
    var subject: String { flag == "redis.password-file" ? "redis.password" : flag }
}

extension Arguments {
    /// What flags say, each option once: the last flag's word, or all of them together.
    var assignments: [Assignment] {
        var assignments: [Assignment] = []
        for (option, name, text) in flags {
            var value = Option.Value.text(text)
            if let index = assignments.firstIndex(where: { $0.option.flag == option.flag }) {
                let former = assignments.remove(at: index)
                if option.addsUp { value = .list(former.value.elements + value.elements) }
            }
            assignments.append(Assignment(option: option, value: value, source: .flag(name)))
        }
        return assignments
    }
}

extension Environment {
    /// What variables say that are options.
    func assignments(for command: Command) -> [Assignment] {
        Option.all.compactMap { option in
            guard option.applies(to: command), let variable = option.variables.first(where: { self[$0] != nil }),
                let value = self[variable]
            else { return nil }
            return Assignment(option: option, value: .text(value), source: .variable(variable))
        }
    }
}
