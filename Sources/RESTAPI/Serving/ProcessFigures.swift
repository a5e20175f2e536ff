import Glibc
import HostSystem

/// What the system says of this process, as Prometheus names it.
struct ProcessFigures: Sendable {
    let files: any FileSystem

    /// As Prometheus reads it; figures that cannot be read are left out. Cost: four small files of `/proc`.
    func text() -> String {
        var lines: [String] = []
        func add(_ name: String, _ kind: String, _ help: String, _ value: Double?) {
            guard let value else { return }
            let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
            lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(kind)", "\(name) \(number)"]
        }
        let status = self.status()
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        add("process_resident_memory_bytes", "gauge", "Memory in use.", status?[21].map { $0 * Double(getpagesize()) })
        add("process_virtual_memory_bytes", "gauge", "Address space in use.", status?[20])
        let busy = status.flatMap { status in status[11].flatMap { user in status[12].map { user + $0 } } }
        add("process_cpu_seconds_total", "counter", "Processor time used.", busy.map { $0 / ticks })
        let start = status?[19].flatMap { age in bootSeconds().map { $0 + age / ticks } }
        add("process_start_time_seconds", "gauge", "When it began, since 1970.", start)
        add("process_open_fds", "gauge", "Open files and sockets.", (try? files.list("/proc/self/fd")).map { Double($0.count) })
        return lines.map { $0 + "\n" }.joined()
    }

    /// The numbers behind the name in `/proc/self/stat`; the third of that file's fields comes first.
    private func status() -> [Double?]? {
        guard let text = read("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ").map { Double($0) }
        return fields.count > 21 ? fields : nil
    }

    private func bootSeconds() -> Double? {
        guard let text = read("/proc/stat") else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst(6)) }
    }

    private func read(_ path: String) -> String? {
        (try? files.readAll(path, byteCountMax: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }
}
