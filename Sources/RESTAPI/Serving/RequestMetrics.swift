import Synchronization

/// Counts requests, and how long they take, by route.
final class RequestMetrics: Sendable {
    private struct Key: Hashable, Comparable {
        var route: String
        var method: String
        var status: Int

        static func < (left: Key, right: Key) -> Bool {
            (left.route, left.method, left.status) < (right.route, right.method, right.status)
        }
    }

    private struct Histogram {
        /// How many fell into each bucket alone; one more for those above all bounds.
        var counts = [Int](repeating: 0, count: RequestMetrics.bounds.count + 1)
        var sum = 0.0
    }

    private struct State {
        var counts: [Key: Int] = [:]
        /// By route and method; the status of the key is 0.
        var durations: [Key: Histogram] = [:]
    }

    /// Seconds.
    private static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
    /// Others are counted as one, as anybody can make names up.
    private static let methods: Set = ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"]

    private let state = Mutex(State())

    /// One request. `route` is the pattern of its path; nil: it found none.
    func record(method: String, route: String?, status: Int, seconds: Double) {
        let method = RequestMetrics.methods.contains(method) ? method : "OTHER"
        let key = Key(route: route ?? "none", method: method, status: status)
        let place = RequestMetrics.bounds.firstIndex { seconds <= $0 } ?? RequestMetrics.bounds.count
        state.withLock { state in
            state.counts[key, default: 0] += 1
            var durationKey = key
            durationKey.status = 0
            state.durations[durationKey, default: Histogram()].counts[place] += 1
            state.durations[durationKey]?.sum += seconds
        }
    }

    /// As Prometheus reads it.
    func text() -> String {
        let state = state.withLock { $0 }
        var lines = [
            "# HELP laminar_http_requests_total Requests answered.", "# TYPE laminar_http_requests_total counter",
        ]
        for (key, count) in state.counts.sorted(by: { $0.key < $1.key }) {
            let labels = "method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\""
            lines.append("laminar_http_requests_total{\(labels)} \(count)")
        }
        lines += [
            "# HELP laminar_http_request_seconds Time until an answer was ready.",
            "# TYPE laminar_http_request_seconds histogram",
        ]
        for (key, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
            let labels = "method=\"\(key.method)\",route=\"\(key.route)\""
            var total = 0
            for (index, count) in histogram.counts.enumerated() {
                total += count
                let bound = index < RequestMetrics.bounds.count ? "\(RequestMetrics.bounds[index])" : "+Inf"
                lines.append("laminar_http_request_seconds_bucket{\(labels),le=\"\(bound)\"} \(total)")
            }
            lines.append("laminar_http_request_seconds_sum{\(labels)} \(histogram.sum)")
            lines.append("laminar_http_request_seconds_count{\(labels)} \(total)")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
