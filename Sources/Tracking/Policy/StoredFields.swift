/// Fields as octets, each closed by a NUL, which none can hold.
struct StoredFields {
    /// What was put so far.
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(320) }

    mutating func put(_ text: String) {
        for byte in text.utf8 where byte != 0 { bytes.append(byte) }
        bytes.append(0)
    }

    mutating func put(list: [String]) {
        put(String(list.count))
        for entry in list { put(entry) }
    }

    /// Takes fields one by one.
    struct Reader {
        private var fields: ArraySlice<String>

        /// What stands behind the last NUL is a field that was cut off.
        init(_ bytes: [UInt8]) {
            fields =
                bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
                .map { String(decoding: $0, as: UTF8.self) }[...]
        }

        var isAtEnd: Bool { fields.isEmpty }

        mutating func text() throws(TrackingDecision.Unreadable) -> String {
            guard let field = fields.popFirst() else { throw .damaged }
            return field
        }

        mutating func value<Value>(_ read: (String) -> Value?) throws(TrackingDecision.Unreadable) -> Value {
            guard let value = read(try text()) else { throw .damaged }
            return value
        }

        mutating func flag() throws(TrackingDecision.Unreadable) -> Bool {
            try value { $0 == "1" ? true : $0 == "0" ? false : nil }
        }

        /// How many fields follow, or lists: no more than there are fields.
        mutating func count() throws(TrackingDecision.Unreadable) -> Int {
            let limit = fields.count
            return try value { Int($0).flatMap { 0..<limit ~= $0 ? $0 : nil } }
        }

        mutating func list() throws(TrackingDecision.Unreadable) -> [String] {
            let count = try count()
            defer { fields = fields.dropFirst(count) }
            return Array(fields.prefix(count))
        }
    }
}
