import Foundation
import Testing

@testable import Configuration

struct CompletionTests {
    @Test(arguments: Shell.allCases)
    func offersEveryCommandAndFlag(shell: Shell) {
        let script = shell.completion
        for command in Command.allCases { #expect(script.contains(command.rawValue)) }
        for option in Option.all {
            let flag = option.flag
            let written = shell == .fish ? "-l \(flag) -" : option.placeholder == nil ? "--no-\(flag)" : "--\(flag)="
            let isOffered = script.contains(written)
            #expect(isOffered == (option.advice == nil), "\(option.flag)")
        }
    }

    /// What is offered is understood, and what is refused names the same words.
    @Test func valuesAreThoseThatAreUnderstood() {
        let options = Option.all.filter { !$0.values.isEmpty }
        #expect(options.map(\.flag) == ["log.level", "log.format", "format"])
        for option in options {
            for value in option.values {
                var settings = Settings()
                #expect(throws: Never.self) { try option.apply(&settings, .text(value)) }
            }
            var settings = Settings()
            #expect(throws: Option.Expected.self) { try option.apply(&settings, .text("?")) }
        }
    }

    @Test func theManualPageHasEveryOption() {
        let page = Command.manualPage(version: "1.2.3").split(separator: "\n")
        for option in Option.all {
            #expect(page.contains(".B \(option.usage.replacing("-", with: "\\-"))"[...]), "\(option.usage)")
        }
        #expect(page.allSatisfy { $0.count <= 100 })
        #expect(page.first?.hasSuffix("\"stack\\-exporter 1.2.3\" \"User Commands\"") == true)
    }
}
