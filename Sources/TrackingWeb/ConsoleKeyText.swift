/// The key that opens a console which has neither password nor token.
public struct ConsoleKeyText: Sendable {
    let text: String
    private let authenticate: @Sendable ([UInt8]) -> [UInt8]

    /// - Parameters:
    ///   - text: the key.
    ///   - authenticate: a code that only who has the key can make.
    public init(_ text: String, authenticate: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.text = text
        self.authenticate = authenticate
    }

    /// A text that opens the console once, until a time in seconds since 1970; it says nothing about the key.
    public func ticket(until end: Int64) -> String {
        "\(end).\(Hexadecimal.text(authenticate(Array("console ticket \(end)".utf8)).prefix(16)))"
    }
}
