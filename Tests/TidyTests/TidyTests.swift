import Foundation
import Testing

/// The house rules that a machine can keep, read from the source tree.
struct TidyTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let lineLengthMax = 120
    static let fileLineCountMax = 500
    static let functionLineCountMax = 70

    struct SourceFile: Sendable {
        var path: String
        var lines: [String]

        /// The module's name for a file under Sources.
        var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
        var isSource: Bool { path.hasPrefix("Sources/") }
    }

    /// Every Swift file under Sources, Tests and Benchmarks.
    static let files: [SourceFile] = ["Sources", "Tests", "Benchmarks"].flatMap { folder -> [SourceFile] in
        let base = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(atPath: base.path) else { return [] }
        return walker.compactMap { entry in
            guard let name = entry as? String, name.hasSuffix(".swift"), !name.contains(".build") else { return nil }
            guard let text = try? String(contentsOf: base.appending(path: name), encoding: .utf8) else { return nil }
            return SourceFile(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n"))
        }
    }

    /// What a module may import, from the ladder in Package.swift; also what nobody declares there.
    static let ladder: [String: Set<String>] = {
        guard let text = try? String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8) else {
            return [:]
        }
        var result: [String: Set<String>] = [:]
        for match in text.matches(of: /\n    \("([A-Za-z0-9]+)", \[([^\]]*)\]\)/) {
            let names = match.2.matches(of: /"([A-Za-z0-9]+)"/).map { String($0.1) }
            result[String(match.1)] = Set(names)
        }
        return result
    }()

    /// What a module may import from other packages, from the table of products in Package.swift.
    static let products: [String: Set<String>] = {
        guard let text = try? String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8),
            let start = text.range(of: "let products"), let end = text.range(of: "let testing")
        else { return [:] }
        var result: [String: Set<String>] = [:]
        for match in text[start.upperBound..<end.lowerBound].matches(of: /\n    "(\w+)": \[((?s:.*?))\],(?=\n)/) {
            result[String(match.1)] = Set(match.2.matches(of: /name: "(\w+)"/).map { String($0.1) })
        }
        return result
    }()

    static let systemModules: Set<String> = [
        "Glibc", "Foundation", "FoundationEssentials", "Synchronization", "ArgumentParser", "Dispatch",
    ]

    @Test("modules import only what stands below them on the ladder")
    func importsFollowTheLadder() {
        #expect(Self.ladder.count > 10, "the ladder could not be read from Package.swift")
        #expect(Self.products.count > 3, "the products could not be read from Package.swift")
        var offences: [String] = []
        for file in Self.files where file.isSource {
            guard let allowed = Self.ladder[file.module] else { continue }
            for line in file.lines {
                guard let match = line.wholeMatch(of: /(?:@testable )?(?:public |internal )?import (?:\w+ )?(\w+).*/)
                else { continue }
                let name = String(match.1)
                if Self.products[file.module]?.contains(name) == true { continue }
                if !allowed.contains(name) && !Self.systemModules.contains(name) {
                    offences.append("\(file.path) imports \(name)")
                }
            }
        }
        #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
    }

    @Test("the ladder has no cycle: a module is declared after everything it imports")
    func ladderIsOrdered() throws {
        let text = try String(contentsOf: Self.root.appending(path: "Package.swift"), encoding: .utf8)
        var seen: Set<String> = []
        for match in text.matches(of: /\n    \("([A-Za-z0-9]+)", \[([^\]]*)\]\)/) {
            for name in match.2.matches(of: /"([A-Za-z0-9]+)"/).map({ String($0.1) }) where Self.ladder[name] != nil {
                #expect(seen.contains(name), "\(match.1) imports \(name), which is declared later")
            }
            seen.insert(String(match.1))
        }
    }

    @Test("lines, files and functions stay within their limits")
    func sizesStayWithinLimits() {
        var offences: [String] = []
        for file in Self.files {
            if file.lines.count > Self.fileLineCountMax { offences.append("\(file.path): \(file.lines.count) lines") }
            for (number, line) in file.lines.enumerated() where line.utf8.count > Self.lineLengthMax {
                // Counting bytes first spares counting characters.
                if line.count <= Self.lineLengthMax { continue }
                offences.append("\(file.path):\(number + 1): a line of \(line.count) characters")
            }
            offences += Self.longFunctions(in: file)
        }
        #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
    }

    /// Functions over the limit. A function ends at the brace in the column where its `func` line begins.
    static func longFunctions(in file: SourceFile) -> [String] {
        var offences: [String] = []
        var open: [(name: Substring, indent: Int, start: Int)] = []
        for (number, line) in file.lines.enumerated() {
            let indent = line.utf8.prefix { $0 == UInt8(ascii: " ") }.count
            if let top = open.last, indent == top.indent, line.utf8.dropFirst(indent).first == UInt8(ascii: "}") {
                let length = number - top.start + 1
                if length > functionLineCountMax {
                    offences.append("\(file.path):\(top.start + 1): \(top.name) has \(length) lines")
                }
                open.removeLast()
            }
            guard line.contains("func ") || line.contains("init") else { continue }
            if let match = line.firstMatch(of: /^\s*(?:[@\w()]+ )*(func \S+|init[?(<]\S*)/), !line.hasSuffix("}") {
                open.removeAll { $0.indent >= indent }
                open.append((match.1, indent, number))
            }
        }
        return offences
    }

    @Test(
        "what the house forbids does not appear without a reason beside it",
        arguments: ["try!", "as!", "fatalError(", "@unchecked Sendable", "TODO", "FIXME"])
    func forbiddenWordsCarryReasons(word: String) {
        var offences: [String] = []
        for file in Self.files where file.isSource {
            for (number, line) in file.lines.enumerated() where line.contains(word) {
                if line.trimmingCharacters(in: .whitespaces).hasPrefix("//") { continue }
                let before = file.lines[max(0, number - 4)..<number].joined(separator: " ")
                if !(before + line).contains("//") { offences.append("\(file.path):\(number + 1): \(word)") }
            }
        }
        #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
    }

    @Test("names say what a thing is", arguments: ["Utils", "Helpers", "Common", "Manager", "Misc"])
    func vagueNamesAreAbsent(word: String) {
        let offences = Self.files.filter { $0.path.contains("\(word).swift") }.map(\.path)
        #expect(offences.isEmpty, "\(offences.joined(separator: "\n"))")
    }

    @Test("every module has a README of at most forty lines")
    func modulesHaveReadmes() throws {
        for module in Self.ladder.keys {
            let url = Self.root.appending(path: "Sources/\(module)/README.md")
            let text = try #require(try? String(contentsOf: url, encoding: .utf8), "\(module) has no README.md")
            let lines = text.components(separatedBy: "\n").count
            #expect(lines > 4 && lines <= 41, "Sources/\(module)/README.md has \(lines) lines")
        }
    }
}
