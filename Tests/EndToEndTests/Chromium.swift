import Foundation
import Lab
import Testing

/// A real browser, without a window.
struct Chromium {
    /// What it made of a page.
    struct Visit {
        /// The document as it stands after it was loaded.
        let document: String
        /// What the browser had to say of it: errors, and what it refused because of the page's own policy.
        let console: [Substring]

        var title: String { document.firstMatch(of: #/<title>([^<]*)</title>/#).map { String($0.1) } ?? "" }

        /// The numbers that stand behind a label.
        func numbers(_ label: String) -> [Double] {
            document.matches(of: #/<dt>([^<]*)<\/dt><dd class="cell"><div><data value="([^"]*)">/#)
                .filter { $0.1 == label }.compactMap { Double($0.2) }
        }

        /// The numbers of a table's row, which may be called by a part of its HTML.
        func row(_ name: String) -> [Double] {
            document.matches(of: #/<tr>.*?<\/tr>/#.dotMatchesNewlines()).map { String($0.output) }
                .filter { $0.contains("<th scope=\"row\"><bdi>\(name)</bdi>") }
                .flatMap { $0.matches(of: #/<data value="([^"]*)">/#).compactMap { Double($0.1) } }
        }
    }

    /// Opens a page and waits until it is loaded.
    static func visit(_ url: String) async throws -> Visit {
        let result = try await start("--enable-logging=stderr", "--v=0", "--dump-dom", url)
        return Visit(
            document: result.output, console: result.errors.split(separator: "\n").filter { $0.contains("CONSOLE") })
    }

    /// Takes a picture of what is seen of a page at first.
    ///
    /// - Returns: The picture as PNG.
    static func picture(of url: String, width: Int, isDark: Bool) async throws -> Data {
        let directory = TemporaryDirectory("picture")
        try await start(
            "--hide-scrollbars", "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
            "--window-size=\(width),1200", "--screenshot=\(directory.path("it.png"))", url)
        return try Data(contentsOf: directory.url.appending(path: "it.png"))
    }

    @discardableResult
    private static func start(_ arguments: String...) async throws -> CommandResult {
        let profile = TemporaryDirectory("chromium")
        defer { withExtendedLifetime(profile) {} }
        // As root it needs to be told that it may run without a sandbox; it sees pages of ours alone.
        let result = try await run(
            [
                "timeout", "-s", "KILL", "180", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=\(profile.path)",
            ] + arguments, environment: .added(["HOME": profile.path]))
        guard result.status == 0 else { throw LabError("chromium: \(result.status) \(result.errors)") }
        return result
    }
}
