import MailMessage
import Testing
import Tracking

private func base64(_ text: String) -> String {
    String(decoding: Base64.encode(Array(text.utf8), lineLength: nil), as: UTF8.self)
}

private let compact = #"{"TagName":"Test","OpenTrace":"1","LinkTrace":"1"}"#
private let spaced = #"{"OpenTrace": "1", "LinkTrace": "1", "TagName": "Test"}"#
private let pretty = "{\n  \"OpenTrace\": \"1\",\n  \"LinkTrace\": \"1\",\n  \"TagName\": \"Test\"\n}"

@Test(arguments: [
    base64(compact), base64(spaced), base64(pretty), " " + base64(compact), "\r\n " + base64(compact),
    String(base64(compact).dropLast(base64(compact).hasSuffix("=") ? 1 : 0)),
    base64(pretty).prefix(76) + "\r\n" + base64(pretty).dropFirst(76),
    base64(compact).prefix(11) + " " + base64(compact).dropFirst(11),
    base64(compact).replacing("+", with: "-").replacing("/", with: "_"),
    "=?utf-8?q?\(base64(compact).prefix(20))?=\r\n =?utf-8?q?\(base64(compact).dropFirst(20).replacing("=", with: "=3D"))?=",
])
func everyFormSeenInTheWildIsRead(_ value: String) throws {
    let request = try TraceHeader.parse(Array(value.utf8)).get()
    #expect(request == TraceRequest(tagName: "Test", opens: true, clicks: true))
}

@Test(arguments: [
    (#"{"TagName":"T","OpenTrace":1,"LinkTrace":true}"#, true, true, 2),
    (#"{"TagName":"T"}"#, false, false, 0),
    (#"{"TagName":"T","OpenTrace":"0","LinkTrace":"1"}"#, false, true, 0),
    (#"{"TagName":"A","TagName":"T","LinkTrace":"1","More":"x"}"#, false, true, 2),
    (#"{"TagName":"\u0054","OpenTrace":null}"#, false, false, 0),
])
func flagsFollowTheContract(_ json: String, _ opens: Bool, _ clicks: Bool, _ warnings: Int) throws {
    let request = try TraceHeader.parse(Array(base64(json).utf8)).get()
    #expect(request.tagName == "T")
    #expect(request.opens == opens)
    #expect(request.clicks == clicks)
    #expect(request.warnings.count == warnings)
}

@Test(arguments: [
    ("", TraceDefect.empty), ("  \r\n ", .empty), ("!!!", .notBase64), ("e", .notBase64),
    (base64("[]"), .notJSON(offset: 0)), (base64("{\"TagName\":\"T\"} x"), .notJSON(offset: 16)),
    (base64("{\"OpenTrace\":\"1\"}"), .noTagName), (base64("{\"TagName\":1}"), .noTagName),
    (base64("{\"TagName\":\"T\",\"OpenTrace\":\"yes\"}"), .badFlag("OpenTrace")),
    (base64("{\"TagName\":\"T\",\"OpenTrace\":2}"), .badFlag("OpenTrace")),
    (base64("{\"TagName\":{\"a\":1}}"), .notJSON(offset: 11)),
    (base64("{\"TagName\":\"\\uD800\"}"), .notJSON(offset: 18)),
    (String(repeating: "A", count: 20_000), .tooLong),
])
func defectsAreNamed(_ value: String, _ defect: TraceDefect) {
    #expect(TraceHeader.parse(Array(value.utf8)) == .failure(defect))
}

@Test func whatIsEncodedIsOneLineOfCompactJSON() throws {
    let request = TraceRequest(tagName: "a\"b", opens: true, clicks: false)
    let value = TraceHeader.encode(request)
    #expect(!value.contains(0x0A))
    #expect(try TraceHeader.parse(value).get() == request)
}

@Test func randomOctetsNeverTrap() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<5_000 {
        let json = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
            Array(#"{}[]:,"\u0041truefalsenull123 x"#.utf8).randomElement(using: &random) ?? 0
        }
        _ = TraceHeader.parse(Base64.encode(json, lineLength: nil))
    }
}
