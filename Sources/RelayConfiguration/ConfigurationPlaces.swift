/// Where the keys of relay.conf stand, for whoever finds out later that a value is of no use.
public struct ConfigurationPlaces: Sendable {
    private var file = "relay.conf"
    private var positions: [String: SourcePosition] = [:]

    /// Places of a configuration that is no file: everything stands at its begin.
    public init() {}

    init(file: String, positions: [String: SourcePosition]) {
        self.file = file
        self.positions = positions
    }

    /// An error at a key, or at the section where the key would stand.
    /// - Parameter path: such as `["upstream", "default", "password-file"]` or `["listener[0]", "auth-file"]`.
    public func error(_ path: [String], _ message: String) -> ConfigurationError {
        let place = position(of: path)
        return ConfigurationError(file: file, line: place.line, column: place.column, message: message)
    }

    func position(of path: [String]) -> SourcePosition {
        var path = path
        while !path.isEmpty {
            if let place = positions[KeyLocator.join(path)] { return place }
            path.removeLast()
        }
        return SourcePosition(line: 1, column: 1)
    }
}
