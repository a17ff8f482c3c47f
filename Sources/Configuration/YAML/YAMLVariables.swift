extension YAMLNode {
    /// The value with variables of the environment put in: `${NAME}`, `${NAME:-what stands where it is not set}`, and `$$`
    /// for a dollar. Keys stay as they are.
    ///
    /// - Parameter used: Gets the names of the variables.
    func withVariables(
        of environment: Environment, used: inout Set<String>
    ) throws(ConfigurationError) -> YAMLNode {
        switch content {
        case .scalar(let text, let isPlain):
            guard text.contains("$") else { return self }
            let replaced = try Self.replaced(text, at: place, environment, &used)
            // What a variable holds is text, and never null.
            return YAMLNode(content: .scalar(replaced, isPlain: isPlain && replaced == text), place: place)
        case .sequence(let elements):
            var result: [YAMLNode] = []
            for element in elements { result.append(try element.withVariables(of: environment, used: &used)) }
            return YAMLNode(content: .sequence(result), place: place)
        case .mapping(let entries):
            var result: [Entry] = []
            for entry in entries {
                let value = try entry.value.withVariables(of: environment, used: &used)
                result.append(Entry(key: entry.key, place: entry.place, value: value))
            }
            return YAMLNode(content: .mapping(result), place: place)
        }
    }

    private static func replaced(
        _ text: String, at place: Place, _ environment: Environment, _ used: inout Set<String>
    ) throws(ConfigurationError) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            guard rest.first == "{" else {
                if rest.first == "$" { rest = rest.dropFirst() }
                result += "$"
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                throw place.error("the ${ has no } behind it; write $$ for a dollar that is one")
            }
            let inner = rest[..<end].dropFirst()
            rest = rest[end...].dropFirst()
            let name = inner.firstRange(of: ":-").map { String(inner[..<$0.lowerBound]) } ?? String(inner)
            guard Option.isLegalName(name) else {
                throw place.error(
                    "\(quoted(name)) is no variable's name: write ${NAME} or ${NAME:-default}, and $$ for a dollar")
            }
            used.insert(name)
            if let value = environment[name] {
                result += value
            } else if name.count < inner.count {
                result += inner.dropFirst(name.count + 2)
            } else {
                throw place.error("the variable \(name) is not set; set it, or write ${\(name):-default}")
            }
        }
        return result + rest
    }
}
