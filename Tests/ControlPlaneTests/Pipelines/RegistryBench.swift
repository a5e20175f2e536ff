import Columnar
import Connectors
import Dataflow
import Engine
import Foundation
import HostSystem
import Synchronization
import TestKit
import Testing

@testable import ControlPlane

/// A registry over a folder of its own, which can be closed, or die, and be opened again.
final class RegistryBench {
    let folder: String
    var registry: PipelineRegistry
    private let adjust: (inout ControlSettings) -> Void
    /// Where state is kept.
    private let files: any FileSystem
    /// The server's clock, which a test may move on.
    let timers = ShiftedTimers()

    init(
        files: any FileSystem = PosixFileSystem(), _ adjust: @escaping (inout ControlSettings) -> Void = { _ in }
    ) async throws {
        self.files = files
        folder = FileManager.default.temporaryDirectory.appending(path: "laminar-registry-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.adjust = adjust
        registry = try Self.make(folder, files, timers, adjust)
        try await registry.resume()
    }

    private static func make(
        _ folder: String, _ files: any FileSystem, _ timers: ShiftedTimers, _ adjust: (inout ControlSettings) -> Void
    ) throws -> PipelineRegistry {
        var settings = ControlSettings(
            stateRoot: folder + "/state", defaultCheckpointIntervalMicros: 100_000,
            restarts: RestartPolicy(allowedRestarts: 2, initialBackOffMillis: 10, giveUpMillis: 2000))
        adjust(&settings)
        return PipelineRegistry(
            database: try MetadataDatabase(path: folder + "/laminar.db"),
            connectors: ConnectorCatalog.builtin { _ in }, engine: EngineConfiguration(threads: 2), settings: settings,
            host: JobSupervisor.Host(timers: timers), files: files)
    }

    /// Another registry over the same folder.
    func reopen() async throws {
        registry = try Self.make(folder, files, timers, adjust)
        try await registry.resume()
    }

    /// From here on the registry writes nothing: as if its process had been killed.
    func die() {
        registry.state.withLock { $0.isClosed = true }
        for job in registry.allLive {
            job.journal.close()
            var desire = job.status.desire
            desire.stop = .force
            job.supervisor.want(desire)
        }
    }

    func remove() async {
        await registry.shutDown(withinMillis: 5000)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Numbers at a steady rate into a folder of files.
    func counting(_ name: String = "out", rows: Int?, rate: Int = 20_000) -> String {
        let count = rows.map { ", message_count = \($0)" } ?? ""
        return """
            CREATE TABLE numbers WITH (connector = 'impulse', event_rate = \(rate)\(count), type = 'source');
            CREATE TABLE sink (counter BIGINT) WITH (
                connector = 'filesystem', path = '\(folder)/\(name)', format = 'json', type = 'sink');
            INSERT INTO sink SELECT CAST(counter AS BIGINT) FROM numbers;
            """
    }

    /// The numbers that readers of such a folder see.
    func counted(_ name: String = "out") async throws -> [Int64] {
        let table = """
            CREATE TABLE sink (counter BIGINT) WITH (
                connector = 'filesystem', path = '\(folder)/\(name)', format = 'json', type = 'source');
            """
        let result = try await registry.run(query: table + "SELECT counter FROM sink", limit: 10_000_000)
        return result.batches.flatMap { batch in
            (0..<batch.rowCount).compactMap { row in
                if case .int(let value) = batch.columns[0].scalar(at: row).storage { value } else { nil }
            }
        }.sorted()
    }

    func create(_ query: String, parallelism: Int = 1, _ name: String = "p") async throws -> PipelineInfo {
        try await registry.createPipeline(PipelineDraft(name: name, query: query, parallelism: parallelism))
    }

    func job(_ pipeline: PipelineInfo) async throws -> JobInfo {
        let jobs = try await registry.jobs(pipelineID: pipeline.id, PageRequest()).items
        #expect(jobs.count == 1)
        return try #require(jobs.first)
    }

    /// Waits until a job meets a condition; gives up after half a minute.
    @discardableResult
    func wait(_ pipeline: PipelineInfo, until condition: (JobInfo) -> Bool) async throws -> JobInfo {
        for _ in 0..<3000 {
            let job = try await job(pipeline)
            if condition(job) { return job }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        let last = try await job(pipeline)
        Issue.record("the job stays \(last)")
        return last
    }

    @discardableResult
    func wait(_ pipeline: PipelineInfo, for state: JobState) async throws -> JobInfo {
        try await wait(pipeline) { $0.state == state }
    }

    func stop(_ pipeline: PipelineInfo, _ mode: JobStopMode) async throws {
        var change = PipelineChange()
        change.stop = mode
        _ = try await registry.changePipeline(id: pipeline.id, change)
    }
}

/// The host's clock, moved on by so much as a test says.
final class ShiftedTimers: TimerClock {
    private let clock = SystemMonotonicClock()
    private let shift = Mutex<UInt64>(0)

    func advance(seconds: Int) { shift.withLock { $0 += UInt64(seconds) * 1_000_000_000 } }
    func elapsedNanoseconds() -> UInt64 { clock.elapsedNanoseconds() + shift.withLock { $0 } }
    func schedule(afterNanoseconds nanos: UInt64, _ action: @escaping @Sendable () -> Void) {
        clock.schedule(afterNanoseconds: nanos, action)
    }
}

/// What a call refuses; fails the test when it does not.
func refusal<Value>(_ call: () async throws -> Value) async -> ControlError? {
    do {
        _ = try await call()
        Issue.record("the call was not refused")
    } catch let error as ControlError {
        return error
    } catch {
        Issue.record("the call failed otherwise: \(error)")
    }
    return nil
}
