import TOMLKit

/// Reads relay.conf.
public enum ConfigurationLoader {
    /// Reads a configuration.
    /// - Parameters:
    ///   - text: the file's content.
    ///   - file: its name, for errors.
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong, in the order of the file.
    public static func parse(_ text: String, file: String) throws(ConfigurationErrors) -> RelaySettings {
        try read(text, file: file) { $0.run() }
    }

    /// Reads what `serve --only tracking` needs; upstreams, tags and rules may stand there too.
    /// - Throws: ``ConfigurationErrors``.
    public static func parseTracker(_ text: String, file: String) throws(ConfigurationErrors) -> TrackerSettings {
        try read(text, file: file) { $0.runTracker() }
    }

    private static func read<Settings>(_ text: String, file: String, _ body: (inout Loading) -> Settings?)
        throws(ConfigurationErrors) -> Settings
    {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw ConfigurationErrors(errors: [
                ConfigurationError(
                    file: file, line: error.source.begin.line, column: error.source.begin.column,
                    message: error.description)
            ])
        } catch {
            throw ConfigurationErrors(errors: [ConfigurationError(file: file, line: 1, column: 1, message: "\(error)")])
        }
        let findings = Findings(ConfigurationPlaces(file: file, positions: KeyLocator(text).positions))
        let root = SectionReader(table: table, path: [], findings: findings)
        var loading = Loading(root: root, findings: findings)
        let settings = body(&loading)
        guard let settings, findings.errors.isEmpty else {
            throw ConfigurationErrors(errors: findings.errors.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
        }
        return settings
    }
}
