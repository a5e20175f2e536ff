import Synchronization

/// Credentials of roles, kept until shortly before they expire, so that not every token asks for them anew.
final class AWSRoleCache: Sendable {
    /// Whose role it is.
    enum Holder: Hashable, Sendable { case pod, host }

    /// Those of the role that the process's own environment names.
    static let ofProcess = AWSRoleCache()
    /// So long before they expire others are asked for.
    static let reserveNanos: Int64 = 300_000_000_000

    private let kept = Mutex<[Holder: AWSRoles.Temporary]>([:])

    init() {}

    /// The credentials kept, or those that `ask` gives; nil when it gives none. Where it fails, the former ones are
    /// given as long as they count. Errors: those of `ask`.
    func credentials(
        _ holder: Holder, at now: Int64,
        _ ask: () async throws(AWSCredentialsError) -> AWSRoles.Temporary?
    ) async throws(AWSCredentialsError) -> AWSCredentials? {
        let known = kept.withLock { $0[holder] }
        if let known, now < known.expiry - Self.reserveNanos { return known.credentials }
        do throws(AWSCredentialsError) {
            let fresh = try await ask()
            kept.withLock { $0[holder] = fresh }
            return fresh?.credentials
        } catch {
            if let known, now < known.expiry { return known.credentials }
            throw error
        }
    }
}
