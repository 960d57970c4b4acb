/// The named character references of the HTML standard (§13.5), as a tree over their letters.
struct NamedCharacterReferences {
    /// A letter of one or more names; siblings are chained.
    private struct Node {
        let letter: UInt8
        var firstChild: UInt16 = 0
        var nextSibling: UInt16 = 0
        /// Index into ``texts`` where a name ends here.
        var text: UInt16?
    }

    private static let shared = NamedCharacterReferences()
    /// Node 0 is the root, and, since nothing leads back to it, "none" in a chain.
    private var nodes = [Node(letter: 0)]
    private var texts: [[UInt8]] = []

    private init() {
        nodes.reserveCapacity(10_000)
        for entry in Self.table.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
            let pieces = entry.split(separator: UInt8(ascii: ":"))
            guard pieces.count == 2 else { continue }
            var text = ""
            for code in pieces[1].split(separator: UInt8(ascii: ",")) {
                guard let number = UInt32(String(decoding: code, as: UTF8.self), radix: 16),
                    let scalar = Unicode.Scalar(number)
                else { continue }
                text.unicodeScalars.append(scalar)
            }
            var node = 0
            for letter in pieces[0] { node = child(letter, of: node) ?? add(letter, to: node) }
            nodes[node].text = UInt16(clamping: texts.count)
            texts.append(Array(text.utf8))
        }
    }

    private mutating func add(_ letter: UInt8, to parent: Int) -> Int {
        var node = Node(letter: letter)
        node.nextSibling = nodes[parent].firstChild
        nodes[parent].firstChild = UInt16(clamping: nodes.count)
        nodes.append(node)
        return nodes.count - 1
    }

    private func child(_ letter: UInt8, of parent: Int) -> Int? {
        var node = Int(nodes[parent].firstChild)
        while node != 0 {
            if nodes[node].letter == letter { return node }
            node = Int(nodes[node].nextSibling)
        }
        return nil
    }

    /// The longest name that `bytes` start with, and its text in UTF-8.
    static func longestMatch(_ bytes: ArraySlice<UInt8>) -> (length: Int, text: [UInt8])? {
        let tree = shared
        var longest: (length: Int, text: Int)?
        var node = 0
        for (index, letter) in bytes.enumerated() {
            guard let next = tree.child(letter, of: node) else { break }
            node = next
            if let text = tree.nodes[node].text { longest = (index + 1, Int(text)) }
        }
        return longest.map { ($0.length, tree.texts[$0.text]) }
    }
}
