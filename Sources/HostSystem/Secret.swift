/// A text that must not be shown: printing, describing or reflecting it gives `********`.
public struct Secret: Hashable, Sendable {
    /// What stands in a secret's place.
    public static let mask = "********"

    private let text: String

    public init(_ text: String) { self.text = text }

    /// The text itself; only for handing it on to what needs it.
    public func reveal() -> String { text }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { Self.mask }
    public var debugDescription: String { Self.mask }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
