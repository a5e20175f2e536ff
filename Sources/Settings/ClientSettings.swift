/// What the client commands are configured to.
public struct ClientSettings: Sendable {
    /// E.g. `http://127.0.0.1:5115`, without a slash at its end.
    public var server: String
    /// Nil: none is sent.
    public var token: String?
    public var authorityFile: String?
    public var certificateFile: String?
    public var keyFile: String?

    /// Reads the settings in effect. Errors: an address that is none.
    public init(_ settings: EffectiveSettings) throws(SettingsError) {
        var server = settings.text("client.server") ?? ""
        while server.last == "/" { server.removeLast() }
        if !server.hasPrefix("http://") && !server.hasPrefix("https://") {
            throw SettingsError([
                "\(settings.origin("client.server")): client.server takes an address such as http://127.0.0.1:5115, "
                    + "found '\(server)'"
            ])
        }
        self.server = server
        token = settings.text("client.token")
        authorityFile = settings.text("client.ca-file")
        certificateFile = settings.text("client.cert-file")
        keyFile = settings.text("client.key-file")
    }
}
