import HostSystem

/// What requests to AWS are signed with.
struct AWSCredentials: Hashable, Sendable {
    var accessKeyID: String
    var secretAccessKey: String
    /// Only temporary credentials have one.
    var sessionToken: String?
}

/// Why there are none.
struct AWSCredentialsError: Error, Hashable {
    var message: String
}

/// Finds credentials where AWS tools look for them: first `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and
/// `AWS_SESSION_TOKEN`; then the role of a pod; then the profile `AWS_PROFILE` (else `default`) in the file
/// `AWS_SHARED_CREDENTIALS_FILE` (else `~/.aws/credentials`) and in `AWS_CONFIG_FILE` (else `~/.aws/config`); then the
/// roles of the container and of the machine. Those of roles are kept until shortly before they expire; of the others
/// nothing is: a file that is written anew counts from the next time on.
struct AWSCredentialChain: Sendable {
    private static let fileBytesMax = 1 << 20

    var environment: any HostEnvironment = SystemEnvironment()
    var fileSystem: any FileSystem = PosixFileSystem()
    var exchange: any AWSExchange = AWSHTTPExchange()
    var clock: any WallClock = SystemWallClock()
    var kept = AWSRoleCache.ofProcess

    private func given(_ name: String) -> String? { environment.value(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// The first there are. Errors: `AWSCredentialsError` that says where was looked.
    func resolve() async throws(AWSCredentialsError) -> AWSCredentials {
        if let ofEnvironment { return ofEnvironment }
        let roles = AWSRoles(environment: environment, fileSystem: fileSystem, exchange: exchange)
        let now = clock.nowNanoseconds()
        if let found = try await kept.credentials(
            .pod, at: now,
            { () async throws(AWSCredentialsError) in
                try await roles.ofWebIdentity()
            })
        {
            return found
        }
        if let ofProfile { return ofProfile }
        if let found = try await kept.credentials(
            .host, at: now,
            { () async throws(AWSCredentialsError) in
                if let container = try await roles.ofContainer() { return container }
                return try await roles.ofMachine()
            })
        {
            return found
        }
        throw AWSCredentialsError(
            message: "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write profile "
                + "\(profile) in \(profilePlaces[0].path), or give the pod, container or machine a role")
    }

    /// The first there are where nobody has to be asked for them, of no role; nil otherwise.
    var local: AWSCredentials? {
        ofEnvironment ?? (given("AWS_WEB_IDENTITY_TOKEN_FILE") == nil ? ofProfile : nil)
    }

    private var ofEnvironment: AWSCredentials? {
        guard let id = given("AWS_ACCESS_KEY_ID"), let secret = given("AWS_SECRET_ACCESS_KEY") else { return nil }
        return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: given("AWS_SESSION_TOKEN"))
    }

    private var profile: String { given("AWS_PROFILE") ?? "default" }

    private var profilePlaces: [(path: String, section: String)] {
        let home = given("HOME") ?? ""
        return [
            (given("AWS_SHARED_CREDENTIALS_FILE") ?? home + "/.aws/credentials", profile),
            (given("AWS_CONFIG_FILE") ?? home + "/.aws/config", profile == "default" ? profile : "profile " + profile),
        ]
    }

    private var ofProfile: AWSCredentials? {
        for (path, section) in profilePlaces {
            guard let bytes = try? fileSystem.readAll(path, byteCountMax: Self.fileBytesMax) else { continue }
            let values = Self.section(section, of: String(decoding: bytes, as: UTF8.self))
            guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else { continue }
            return AWSCredentials(
                accessKeyID: id, secretAccessKey: secret, sessionToken: values["aws_session_token"])
        }
        return nil
    }

    /// The values of one section: `[name]`, then lines `key = value`; lines that begin with `#` or `;` say nothing.
    static func section(_ name: String, of text: String) -> [String: String] {
        var values: [String: String] = [:]
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trimmed(line)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                isInside = trimmed(line[line.index(after: line.startIndex)..<end]) == name
            } else if isInside, let equals = line.firstIndex(of: "=") {
                values[String(trimmed(line[..<equals]))] = String(trimmed(line[line.index(after: equals)...]))
            }
        }
        return values
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first.isWhitespace { text = text.dropFirst() }
        while let last = text.last, last.isWhitespace { text = text.dropLast() }
        return text
    }
}
