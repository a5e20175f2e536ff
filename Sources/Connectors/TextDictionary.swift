import Columnar

/// Texts that come from fixed lists: every row's view points into one shared buffer.
final class TextDictionary: Sendable {
    let data: Buffer
    // Written once in init, before the dictionary is shared.
    let views: [StringView]

    init(_ texts: [String]) {
        let bytes = texts.flatMap { Array($0.utf8) }
        data = .copying(bytes)
        var views: [StringView] = []
        var offset = 0
        for text in texts {
            let count = text.utf8.count
            let start = UnsafeRawPointer(data.pointer + offset)
            views.append(
                count <= StringView.inlineLimit
                    ? StringView(inlining: start, count: count)
                    : StringView(referencing: start, count: count, bufferIndex: 0, offset: offset))
            offset += count
        }
        self.views = views
    }
}
