import CRdKafka
import Glibc
import HostSystem
import Synchronization

/// What the library asks of a client and tells it, on threads of the library's own.
final class KafkaCallbacks: Sendable {
    let tokens: MSKTokenSource?
    /// Which addresses may be connected to; nil: any.
    fileprivate let egress: EgressPolicy?
    private let onError: @Sendable (KafkaFailure) -> Void
    fileprivate let onUndelivered: (@Sendable (KafkaFailure) -> Void)?
    fileprivate let onStatistics: (@Sendable (String) -> Void)?
    private let firstRefusal = Mutex<EgressRefusal?>(nil)

    /// `onUndelivered` is told of records that were not delivered, `onStatistics` of what the client is about, as JSON,
    /// where `statistics.interval.ms` is set; nil: nobody asks.
    init(
        _ configuration: KafkaConfiguration, onUndelivered: (@Sendable (KafkaFailure) -> Void)? = nil,
        onStatistics: (@Sendable (String) -> Void)? = nil,
        onError: @escaping @Sendable (KafkaFailure) -> Void
    ) {
        tokens = configuration.tokens
        egress = configuration.egress
        self.onUndelivered = onUndelivered
        self.onStatistics = onStatistics
        self.onError = onError
    }

    /// Why an address was not connected to, if one was not.
    var refusal: EgressRefusal? { firstRefusal.withLock { $0 } }

    fileprivate func noteError(_ code: Int32, _ reason: String?) {
        onError(KafkaFailure(rd_kafka_resp_err_t(rawValue: code), reason))
    }

    fileprivate func refreshToken(_ client: OpaquePointer) {
        guard let reason = tokens?.refresh(client) else { return }
        onError(KafkaFailure(RD_KAFKA_RESP_ERR__AUTHENTICATION, reason))
    }

    /// Connects a socket if the policy allows the address, which is the very one that is connected to; the system's
    /// error number otherwise.
    fileprivate func connect(
        _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: Int32, _ name: String
    ) -> Int32 {
        if let egress {
            do throws(EgressRefusal) {
                // `host:port/number`.
                let target = try EgressTarget(String(name.prefix { $0 != "/" }))
                guard let ip = IPAddress(address) else { throw EgressRefusal("'\(target.host)' has no address") }
                try egress.check(target)
                try egress.check(ip, of: target)
            } catch {
                firstRefusal.withLock { $0 = $0 ?? error }
                return EACCES
            }
        }
        if Glibc.connect(socket, address, socklen_t(length)) == 0 || errno == EINPROGRESS { return 0 }
        return errno
    }
}

/// Makes and ends clients of the library.
enum KafkaHandle {
    /// A client that tells `callbacks` until `destroy`; nothing is connected yet. Errors: `KafkaFailure` about
    /// settings.
    static func make(
        _ kind: rd_kafka_type_t, _ configuration: KafkaConfiguration, _ callbacks: KafkaCallbacks
    ) throws(KafkaFailure) -> OpaquePointer {
        let native = try configuration.makeNative()
        let opaque = Unmanaged.passRetained(callbacks)
        rd_kafka_conf_set_opaque(native, opaque.toOpaque())
        setCallbacks(native, callbacks)
        var room = [CChar](repeating: 0, count: 512)
        guard let handle = rd_kafka_new(kind, native, &room, room.count) else {
            opaque.release()
            rd_kafka_conf_destroy(native)
            let text = String(decoding: room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw KafkaFailure(RD_KAFKA_RESP_ERR__INVALID_ARG, text)
        }
        // A thread of the library's own asks for tokens, as calls that wait need them.
        let error = callbacks.tokens == nil ? nil : rd_kafka_sasl_background_callbacks_enable(handle)
        if let failure = KafkaFailure(taking: error) {
            rd_kafka_destroy(handle)
            opaque.release()
            throw failure
        }
        return handle
    }

    private static func setCallbacks(_ native: OpaquePointer, _ callbacks: KafkaCallbacks) {
        rd_kafka_conf_set_error_cb(native) { _, code, reason, opaque in
            KafkaHandle.callbacks(opaque)?.noteError(code, reason.map { String(cString: $0) })
        }
        // What matters reaches the user as an error; standard error belongs to the program.
        rd_kafka_conf_set_log_cb(native) { _, _, _, _ in }
        if callbacks.egress != nil {
            rd_kafka_conf_set_connect_cb(native) { socket, address, length, name, opaque in
                guard let callbacks = KafkaHandle.callbacks(opaque), let address else { return EACCES }
                return callbacks.connect(socket, address, length, name.map { String(cString: $0) } ?? "")
            }
        }
        if callbacks.onUndelivered != nil {
            rd_kafka_conf_set_dr_msg_cb(native) { _, message, opaque in
                guard let message, message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
                KafkaHandle.callbacks(opaque)?.onUndelivered?(KafkaFailure(message.pointee.err))
            }
        }
        if callbacks.onStatistics != nil {
            rd_kafka_conf_set_stats_cb(native) { _, text, length, opaque in
                guard let text else { return 0 }
                let bytes = UnsafeRawBufferPointer(start: text, count: length)
                KafkaHandle.callbacks(opaque)?.onStatistics?(String(decoding: bytes, as: UTF8.self))
                return 0
            }
        }
        if callbacks.tokens == nil { return }
        rd_kafka_conf_enable_sasl_queue(native, 1)
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(native) { client, _, opaque in
            if let client { KafkaHandle.callbacks(opaque)?.refreshToken(client) }
        }
    }

    private static func callbacks(_ opaque: UnsafeMutableRawPointer?) -> KafkaCallbacks? {
        opaque.map { Unmanaged<KafkaCallbacks>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Ends a client, without waiting for a group, and what it tells. Waits for the library's threads.
    static func destroy(_ handle: OpaquePointer, _ callbacks: KafkaCallbacks) {
        rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        Unmanaged.passUnretained(callbacks).release()
    }
}
