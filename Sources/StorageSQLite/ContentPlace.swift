/// Where a content stands.
struct ContentPlace: Hashable {
    /// Number of the segment.
    var segment: Int64
    /// First octet of the content in it.
    var offset: Int64
    /// Octets.
    var count: Int
    /// XXH64 of the content.
    var checksum: UInt64
}
