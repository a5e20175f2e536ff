/// One named bound of the engine.
public struct Limit: Hashable, Sendable {
    /// The name users see, e.g. in `exceeds the limit line-bytes`.
    public let name: String
    public let value: Int
    /// What is bounded and why.
    public let documentation: String

    init(_ name: String, _ value: Int, _ documentation: String) {
        self.name = name
        self.value = value
        self.documentation = documentation
    }
}

/// Every bound in one table: inputs that go past one get an error that names it, never a crash.
public enum Limits {
    public static let batchRows = Limit(
        "batch-rows", 8192, "Rows of a batch a source hands on; larger batches leave the processor's caches.")
    public static let blockBytes = Limit(
        "block-bytes", 1 << 20, "Bytes of text decoded in one go; one line may make a block larger.")
    public static let lineBytes = Limit(
        "line-bytes", 16 << 20, "Bytes of one line of a text input, unless framing.newline.max_length says less.")
    public static let jsonNesting = Limit(
        "json-nesting", 128, "Depth of arrays and objects inside one another in a JSON record.")
    public static let badRecordReports = Limit(
        "bad-record-reports", 64, "Bad records of one block described one by one; the rest are only counted.")
    public static let decompressedBytes = Limit(
        "decompressed-bytes", 1 << 30, "Bytes that one compressed block may expand to when decoded in one go.")

    public static let avroBlockBytes = Limit(
        "avro-block-bytes", 64 << 20, "Bytes of one block of an Avro container file, as it lies in the file.")

    public static let containerRows = Limit(
        "container-rows", 1 << 20, "Rows of one message of a topic that is an Avro container.")
    public static let containerBytes = Limit(
        "container-bytes", 64 << 20, "Bytes that one message which is an Avro container may expand to.")
    public static let definitionNesting = Limit(
        "definition-nesting", 32, "Depth of records or messages inside one another in an Avro or Protobuf definition.")

    /// All limits, in the order of this file.
    public static let all: [Limit] = [
        batchRows, blockBytes, lineBytes, jsonNesting, badRecordReports, decompressedBytes,
        avroBlockBytes, containerRows, containerBytes, definitionNesting,
    ]
}
