import MailMessage

/// Why a trace field cannot be read.
public enum TraceDefect: Error, Sendable, Equatable {
    /// Nothing in it.
    case empty
    /// Longer than ``TraceHeader/maximumOctets``.
    case tooLong
    /// An octet that base64 does not have.
    case notBase64
    /// Not a JSON object; the offset counts from 0 in the decoded value.
    case notJSON(offset: Int)
    /// No `TagName`, or one that is not a string.
    case noTagName
    /// `OpenTrace` or `LinkTrace` is neither a string nor 0, 1, true, false.
    case badFlag(String)

    /// The defect in words.
    public var sentence: String {
        switch self {
        case .empty: "the value is empty; it must be base64 of a JSON object"
        case .tooLong: "the value is longer than \(TraceHeader.maximumOctets) octets"
        case .notBase64: "the value is not base64"
        case .notJSON(let offset): "the decoded value is not a JSON object of UTF-8 strings (octet \(offset))"
        case .noTagName: "TagName is missing or not a string"
        case .badFlag(let name): "\(name) must be the string \"1\" or \"0\""
        }
    }
}
