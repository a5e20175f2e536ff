import Dataflow

/// The arithmetic of windows: which panes and windows a time belongs to. All times in nanoseconds.
///
/// A pane is the longest span that no window cuts: every window is a run of whole panes. Windows are told apart by an
/// origin, a multiple of the slide: for tumbling and hopping windows their start, for cumulating ones their last step.
/// Sums saturate, so that times at the ends of the range stay ordered.
struct WindowTimes: Equatable {
    let slide: Int64
    let width: Int64
    let paneWidth: Int64
    /// For cumulating windows the width of the last of those with one start.
    private let cumulatedWidth: Int64?

    /// Nil for sessions, whose bounds depend on the rows.
    init?(_ kind: WindowKind) {
        switch kind {
        case .tumble(let width): self.init(slide: width, width: width)
        case .hop(let slide, let width): self.init(slide: slide, width: width)
        // Equal times make a window: one nanosecond wide.
        case .instant: self.init(slide: 1, width: 1)
        case .cumulate(let step, let width): self.init(slide: step, width: step, cumulatedWidth: width)
        case .session: return nil
        }
    }

    private init(slide: Int64, width: Int64, cumulatedWidth: Int64? = nil) {
        self.cumulatedWidth = cumulatedWidth.map { max(1, $0) }
        self.slide = max(1, slide)
        self.width = max(1, width)
        paneWidth = Self.greatestCommonDivisor(self.slide, self.width)
    }

    /// Whether every pane is a window of its own.
    var isTumbling: Bool { slide == width && cumulatedWidth == nil }

    /// Times whose windows can all be told in 64 bits.
    var validTimes: ClosedRange<Int64> {
        let margin = Self.sum(slide, cumulatedWidth ?? width)
        return Self.sum(.min, margin)...Self.sum(.max, -margin)
    }

    /// The start of the pane that holds a time.
    func paneStart(of time: Int64) -> Int64 { Self.floor(time, paneWidth) }

    /// The end of a window.
    func end(ofWindowAt origin: Int64) -> Int64 { Self.sum(origin, width) }

    /// The start of a window.
    func start(ofWindowAt origin: Int64) -> Int64 { cumulatedWidth.map { Self.floor(origin, $0) } ?? origin }

    /// The end of the last window that holds a pane; nil when it falls between two windows.
    func lastEnd(ofPaneAt start: Int64) -> Int64? {
        if let cumulatedWidth { return Self.sum(Self.floor(start, cumulatedWidth), cumulatedWidth) }
        let end = Self.sum(Self.floor(start, slide), width)
        return end > start ? end : nil
    }

    /// The origin of the first window whose end lies behind a time.
    func firstOrigin(endingAfter time: Int64) -> Int64 {
        Self.sum(Self.floor(Self.sum(time, -width), slide), slide)
    }

    /// The greatest multiple of `step` that is not above `time`.
    static func floor(_ time: Int64, _ step: Int64) -> Int64 {
        let remainder = time % step
        return remainder >= 0 ? time - remainder : sum(time, -remainder - step)
    }

    /// The sum, or the end of the range it would leave.
    static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? (right < 0 ? .min : .max) : sum
    }

    private static func greatestCommonDivisor(_ left: Int64, _ right: Int64) -> Int64 {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
