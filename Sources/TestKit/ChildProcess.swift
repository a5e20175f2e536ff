import Glibc

/// Runs other programs from tests: blocks the calling thread, nothing else.
public enum ChildProcess {
    /// What a program did.
    public struct Result: Sendable {
        /// The exit code; 128 plus the number when a signal ended it.
        public var status: Int32
        public var output: String
        public var errorOutput: String
        /// The most resident memory it was seen to have, in bytes; 0 unless it was watched.
        public var peakResidentBytes = 0
    }

    /// Runs a program, looked up on the path, to its end, with standard input from a text. Nil when it cannot start.
    /// With `watchesMemory` it is looked at every few milliseconds.
    public static func run(_ arguments: [String], input: String? = nil, watchesMemory: Bool = false) -> Result? {
        start(arguments, input: input)?.finish(watchesMemory: watchesMemory)
    }

    /// Starts a program, looked up on the path, with standard input from a text. Nil when it cannot start.
    public static func start(_ arguments: [String], input: String? = nil) -> Running? {
        var folder = Array("/tmp/laminar-child-XXXXXX".utf8CString)
        guard mkdtemp(&folder) != nil else { return nil }
        let base = String(decoding: folder.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Files rather than pipes: nothing can wait for a reader.
        if let input, !write(input, to: "\(base)/in") { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input == nil ? "/dev/null" : "\(base)/in", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(base)/out", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(base)/err", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        guard posix_spawnp(&process, arguments[0], &actions, nil, &words, environ) == 0 else {
            Running.remove(base)
            return nil
        }
        return Running(process, base)
    }

    /// A program under way. `finish` must be called: nothing else waits for it.
    public final class Running {
        public let process: pid_t
        private let base: String

        fileprivate init(_ process: pid_t, _ base: String) {
            self.process = process
            self.base = base
        }

        /// What it has written to standard error so far.
        public var errorOutput: String { ChildProcess.read("\(base)/err") }

        /// What it has written to standard output so far.
        public var output: String { ChildProcess.read("\(base)/out") }

        public func send(_ signal: Int32) { kill(process, signal) }

        /// Waits for the end. To be called once.
        public func finish(watchesMemory: Bool = false) -> Result {
            var state: Int32 = 0
            var peak = 0
            // What the system tells of a child's memory in the end counts that of its parent before the start.
            while watchesMemory, waitpid(process, &state, WNOHANG) == 0 {
                peak = max(peak, peakResidentBytes)
                usleep(3000)
            }
            if !watchesMemory { while waitpid(process, &state, 0) < 0 && errno == EINTR {} }
            let signal = state & 0x7F
            let result = Result(
                status: signal == 0 ? (state >> 8) & 0xFF : 128 + signal, output: output, errorOutput: errorOutput,
                peakResidentBytes: peak)
            Running.remove(base)
            return result
        }

        /// The most resident memory it has had so far, in bytes; 0 when it is gone.
        public var peakResidentBytes: Int {
            for line in ChildProcess.read("/proc/\(process)/status").split(separator: "\n")
            where line.hasPrefix("VmHWM:") {
                return
                    (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
                    << 10
            }
            return 0
        }

        fileprivate static func remove(_ base: String) {
            for name in ["in", "out", "err"] { unlink("\(base)/\(name)") }
            rmdir(base)
        }
    }

    private static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        return fwrite(bytes, 1, bytes.count, file) == bytes.count
    }

    private static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&room, 1, room.count, file)
            if count == 0 { break }
            bytes.append(contentsOf: room[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
