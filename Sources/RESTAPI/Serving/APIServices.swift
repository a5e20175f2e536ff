import ControlPlane
import HostSystem

/// Everything that handlers use.
struct APIServices: Sendable {
    let configuration: APIServerConfiguration
    let pipelines: any PipelineService
    let connections: any ConnectionService
    let wallClock: any WallClock
    let clock: any MonotonicClock
    let streams: OpenStreams
    let metrics = RequestMetrics()
    let process: ProcessFigures
    let documents: APIDocuments

    var limits: APILimits { configuration.limits }

    init(
        configuration: APIServerConfiguration, pipelines: any PipelineService, connections: any ConnectionService,
        wallClock: any WallClock, clock: any MonotonicClock, files: any FileSystem, routes: [Route]
    ) {
        self.configuration = configuration
        self.pipelines = pipelines
        self.connections = connections
        self.wallClock = wallClock
        self.clock = clock
        streams = OpenStreams(countMax: configuration.limits[.outputReaders])
        process = ProcessFigures(files: files)
        documents = APIDocuments(routes, configuration: configuration)
    }

    /// Microseconds since 1970.
    func nowMicros() -> Int64 { wallClock.nowNanoseconds() / 1000 }
}
