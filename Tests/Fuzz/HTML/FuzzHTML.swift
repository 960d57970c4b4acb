import HTMLRewriting

/// Laws of the tokenizer and the scan: tokens stand in order and inside the document; an address that is put where a link
/// stood is read back at the same place, and all other links stay what they were.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let html = Array(UnsafeBufferPointer(start: start, count: count))
    var tokenizer = HTMLTokenizer(html)
    tokenizer.allowsCDATA = count.isMultiple(of: 2)
    var position = 0
    while let token = tokenizer.next() {
        let range =
            switch token {
            case .text(let range), .doctype(let range), .comment(let range, _): range
            case .startTag(let tag), .endTag(let tag): tag.range
            }
        precondition(range.lowerBound >= position && range.upperBound <= count)
        position = range.upperBound
    }
    let scan = HTMLScan(html)
    for place in [scan.pixel.beforeBodyEnd, scan.pixel.afterBodyStart, scan.pixel.beforeHTMLEnd, scan.pixel.top] {
        precondition(place.map { 0...count ~= $0 } ?? true)
    }
    let url = Array("https://t.example.com/c/AQ-".utf8)
    for (index, link) in scan.links.prefix(8).enumerated() {
        let value = HTMLAttributeValue.escaped(url, for: link.quoting)
        let edited = html[..<link.value.lowerBound] + value + html[link.value.upperBound...]
        let after = HTMLScan(Array(edited)).links
        precondition(after.count == scan.links.count)
        for (other, pair) in zip(scan.links, after).enumerated() {
            precondition(pair.1.url == (other == index ? url : pair.0.url))
        }
    }
    return 0
}
