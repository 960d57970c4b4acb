import Foundation
import Testing
import TrackingEvents

@testable import TrackingWeb

/// Names in openapi.json.
private func described(_ schema: String) throws -> Set<String> {
    struct Specification: Decodable {
        struct Components: Decodable { let schemas: [String: Schema] }
        struct Schema: Decodable { let properties: [String: Ignored]? }
        struct Ignored: Decodable {}
        let components: Components
    }
    let specification = try JSONDecoder().decode(
        Specification.self, from: Data(PackageResources.openapi_json))
    return Set(try #require(specification.components.schemas[schema]?.properties).keys)
}

/// A field that JSON has, openapi.json describes and CSV has a column for it: whoever reads one of them misses nothing.
@Test(arguments: [("events", "Event"), ("messages", "Mail"), ("queue", "QueueEntry"), ("stats", "Step")])
func jsonAndCSVHaveTheSameFields(_ path: String, _ schema: String) async throws {
    let site = try Site()
    let names = try described(schema)
    let csv = try await site.execute("/api/v1/\(path)?format=csv").body
    let columns = try #require(csv.split(separator: "\r\n").first).split(separator: ",").map(String.init)
    #expect(Set(columns) == names && columns.count == names.count)
    let json = try JSONSerialization.jsonObject(with: Data(try await site.execute("/api/v1/\(path)").body.utf8))
    let list = (json as? [String: Any])?[path == "stats" ? "steps" : path] as? [[String: Any]]
    // The store of these tests has a value for each of them.
    #expect(Set(try #require(list?.first).keys) == names)
}

@Test func aCopyThatSeveralShareIsOneInCSVToo() async throws {
    let csv = try await Site(store: FakeStore(text: "x")).execute("/api/v1/events?format=csv").body
    let rows = csv.split(separator: "\r\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    let column = try #require(rows[0].firstIndex(of: "sharedBy"))
    #expect(rows[1][column] == "2")
}
