import HTTPTypes
import JSONModel
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Guards a connection against clients that send no HTTP, send too slowly, do not read, or have gone.
///
/// Stands between the HTTP codec and the server's own handlers. What it cannot hand on it answers itself, once, and
/// closes the connection; what is written after that is dropped.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long an answer may take before a client that sends nothing more is asked whether it is there, and again.
    private static let goneAfter = TimeAmount.milliseconds(50)
    private static let goneAgainAfter = TimeAmount.seconds(1)

    private let bodyTime: TimeAmount
    private let stalledTime: TimeAmount
    /// Requests whose heads have come and whose answers are not complete.
    private var openRequests = 0
    private var isAnswering = false
    private var isStreaming = false
    private var isClosing = false
    private var bodyTimer: Scheduled<Void>?
    private var stalledTimer: Scheduled<Void>?
    private var goneTimer: Scheduled<Void>?

    init(limits: APILimits) {
        bodyTime = .seconds(Int64(limits[.bodySeconds]))
        stalledTime = .seconds(Int64(limits[.stalledSeconds]))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosing { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            openRequests += 1
            let fields = head.headerFields
            if fields[.contentLength] != nil || fields[.transferEncoding] != nil { startBodyTimer(context) }
        case .body: break
        case .end: stopBodyTimer()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isClosing {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            // Heads of status 100 come before the answer's own.
            if head.status.code >= 200 {
                isAnswering = true
                isStreaming = head.headerFields[.contentType] == MediaType.events
            }
        case .body: break
        case .end:
            openRequests -= 1
            isAnswering = false
            isStreaming = false
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let told =
            if case HTTPParserError.headerOverflow = error {
                APIError(.requestHeaderFieldsTooLarge, "the header fields are too long or too many")
            } else {
                APIError(.badRequest, "this is not a valid HTTP request")
            }
        answer(told, context)
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that sends nothing more may still read an answer, but nobody ends a stream of events like that.
        if let event = event as? ChannelEvent, event == .inputClosed {
            if isStreaming { close(context) } else { startGoneTimer(context, Self.goneAfter) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stalledTimer?.cancel()
        stalledTimer = nil
        if !context.channel.isWritable {
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            let me = NIOLoopBound(self, eventLoop: context.value.eventLoop)
            stalledTimer = context.value.eventLoop.scheduleTask(in: stalledTime) { me.value.close(context.value) }
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopTimers()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopTimers() }

    private func startBodyTimer(_ context: ChannelHandlerContext) {
        stopBodyTimer()
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let me = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        bodyTimer = context.value.eventLoop.scheduleTask(in: bodyTime) {
            me.value.answer(APIError(.requestTimeout, "the body did not come in time"), context.value)
        }
    }

    /// Answers in the handlers' place if their answer has not begun, and closes.
    private func answer(_ error: APIError, _ context: ChannelHandlerContext) {
        if isClosing { return }
        // With a request before it that is not answered yet, the client would take this for that one's answer.
        let answersThis = !isAnswering && openRequests <= 1
        if answersThis && context.channel.isActive {
            var reply = APIReply(error)
            reply.headers[.connection] = "close"
            if case .bytes(let bytes) = reply.body {
                reply.headers[.contentLength] = "\(bytes.count)"
                let head = HTTPResponse(status: reply.status, headerFields: reply.headers)
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(ByteBuffer(bytes: bytes))), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        close(context)
    }

    private func close(_ context: ChannelHandlerContext) {
        isClosing = true
        stopTimers()
        context.close(promise: nil)
    }

    /// Whether a client that sends nothing more has gone altogether shows only when something is sent to it: while
    /// its answer is not ready it gets interim ones, which those who are there pass over.
    private func startGoneTimer(_ context: ChannelHandlerContext, _ time: TimeAmount) {
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let me = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        goneTimer = context.value.eventLoop.scheduleTask(in: time) {
            let (me, context) = (me.value, context.value)
            if me.isClosing || me.openRequests == 0 || !context.channel.isActive { return }
            if !me.isAnswering {
                let head = HTTPResponse(status: .init(code: 102, reasonPhrase: "Processing"))
                context.writeAndFlush(me.wrapOutboundOut(.head(head)), promise: nil)
            }
            me.startGoneTimer(context, Self.goneAgainAfter)
        }
    }

    private func stopBodyTimer() {
        bodyTimer?.cancel()
        bodyTimer = nil
    }

    private func stopTimers() {
        stopBodyTimer()
        stalledTimer?.cancel()
        stalledTimer = nil
        goneTimer?.cancel()
        goneTimer = nil
    }
}
