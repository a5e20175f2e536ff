/// A part of an operator's state that lies in a local file in the format of `StateFile`.
public struct StatePiece: Sendable {
    /// Which part of the state this is; unique within the operator.
    public var part: Int
    /// Another number for each content the part has had in this process.
    public var version: Int
    /// Keeps the file where it is as long as somebody may still want to read it.
    public var file: any StatePieceFile

    public init(part: Int, version: Int, file: any StatePieceFile) {
        self.part = part
        self.version = version
        self.file = file
    }
}

/// A file of a piece; it goes away with the last reference.
public protocol StatePieceFile: AnyObject, Sendable {
    var path: String { get }
}

/// A piece of a checkpoint as a restored subtask finds it.
public struct RestoredPiece: Sendable {
    /// The part it was.
    public var part: Int
    private let read: @Sendable () throws -> [StateTable]

    public init(part: Int, read: @escaping @Sendable () throws -> [StateTable]) {
        self.part = part
        self.read = read
    }

    /// The rows that belong to this subtask. Errors: `FileError`, `StateFileError`. Cost: reads the whole file.
    public func load() throws -> [StateTable] { try read() }
}
