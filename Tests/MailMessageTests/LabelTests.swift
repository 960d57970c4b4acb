import MailMessage
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

/// A message after its labels were edited, and the old and the new part.
private func labelled(_ field: String) throws -> (field: String, old: MIMEPart, new: MIMEPart, output: [UInt8]) {
    let message = bytes("MIME-Version: 1.0\n\(field)\n\nx\n")
    let old = try MIMETree.parse(message).parts[0]
    var list = SpliceList()
    for splice in old.splicesLabelling(charset: "UTF-8", encoding: "quoted-printable", in: message) {
        try list.add(splice)
    }
    let output = list.applied(to: message)
    let new = try MIMETree.parse(output, limits: .afterEdits).parts[0]
    let place = try #require(new.contentTypeField)
    return (String(decoding: output[place.body], as: UTF8.self), old, new, output)
}

private func others(_ part: MIMEPart) -> [[String]] {
    part.contentType.parameters.filter { $0.name != "charset" }.map { [$0.name, $0.value] }
}

@Test(arguments: [
    (#" text/html; charset="utf-8"format=flowed"#, " text/html; charset=UTF-8;format=flowed"),
    (#" text/html; charset=""utf-8"""#, " text/html; charset=UTF-8"),
    (#" text/html; charset="utf-8"x; a=b"#, " text/html; charset=UTF-8; a=b"),
    (#" text/html; charset="utf-8" format=flowed"#, " text/html; charset=UTF-8; format=flowed"),
    (#" text/html; charset=utf-8 format=flowed"#, " text/html; charset=UTF-8; format=flowed"),
    (#" text/html; format=flowed charset=latin1"#, " text/html; format=flowed ; charset=UTF-8"),
    (#" text/html; format="flowed"charset=latin1"#, #" text/html; format="flowed"; charset=UTF-8"#),
    (" text/html charset=latin1", " text/html; charset=UTF-8"),
    (" text/html;charset=latin1 (a comment; of it)", " text/html;charset=UTF-8 (a comment; of it)"),
    (" text/html; (a comment) charset=latin1", " text/html; (a comment) charset=UTF-8"),
    (" text/html; charset=latin1;\n\tname=\"a;b\"", " text/html; charset=UTF-8;\r\n\tname=\"a;b\""),
    (#" text/html; charset="a"charset="b""#, " text/html; charset=UTF-8"),
    (" text/html; charset*0=lat; charset*1=in1; x=y", " text/html; charset=UTF-8; x=y"),
    (" text/html", " text/html; charset=UTF-8"), (" text/html;", " text/html; charset=UTF-8;"),
    (" text/html x; a=b", " text/html; charset=UTF-8; x; a=b"),
    (" text/html x; charset=a", " text/html; x; charset=UTF-8"),
    (" nonsense", " text/plain; charset=UTF-8"),
    // What no small edit makes clear is written anew.
    (" text/html; charset", " text/html; charset=UTF-8"),
    (" text/html; (c) charset; name=a", " text/html; charset=UTF-8;\r\n\tname=\"a\""),
    (" text/html; charset=latin1; charset", " text/html; charset=UTF-8"),
    (" text/html; charset utf-8", " text/html; charset=UTF-8; charset utf-8"),
    (" text/html; charset*0", " text/html; charset=UTF-8"),
    (" text/html;;charset;", " text/html; charset=UTF-8"),
    (" text/html/x; charset=a", " text/html;/x; charset=UTF-8"),
    (" text/html; charset=\"\"(; a=b", " text/html; charset=UTF-8"),
    (#" text/html; name=a"b; charset=latin1"#, #" text/html; charset=UTF-8;\#r\#n\#tname="a\"b""#),
])
func labelsReadBack(_ before: String, _ after: String) throws {
    let result = try labelled("Content-Type:\(before)")
    #expect(result.field == after)
    #expect(result.new.contentType.parameter("charset") == "UTF-8")
    #expect(others(result.new) == others(result.old))
    #expect(result.new.isLabelled(charset: "UTF-8", encoding: "quoted-printable", in: result.output))
}

/// Odd neighbours of the parameter, in all combinations: what is written reads back by the grammar.
@Test func labelsReadBackWhateverStandsAround() throws {
    let fronts = [
        "", ";", "; a=b;", "; a=b", "; a=\"b;c\"", ";;", "; (x)", " x;", "; a", "; charset;", ";charset*;",
        "; charset=;", "; a=b\";", "; a=b(;", "; a=\"b", "/x;", "; (", "; \"", "; *=x;", "; a=\u{1}é;",
        "; a=\"=?utf-8?q?a?=\";", "; a*0=x; a*1=\"y\"z;",
    ]
    let values = [
        "=utf-8", "=\"utf-8\"", "=\"\"utf-8\"\"", "='utf-8'", "=\"utf-8", "=", "=\"\"", "=a/b", "==utf-8",
        "=*=utf-8''x", "*=utf-8''x", "*=", "*0=x", "*0*=", "*0", "*", "", "(c)=(c)x", "=(c)", "*1=x",
    ]
    let behind = [
        "", ";", " ", " (x)", "format=flowed", " format=flowed", "; format=flowed", "x", "\"", ";;x", " ; a=b",
        "; charset", ";charset=b", "; CHARSET*", "(", ";b=\"(\"",
    ]
    var count = 0
    for front in fronts {
        for value in values {
            for end in behind {
                let field = "Content-Type: text/html\(front) charset\(value)\(end)"
                let result = try labelled(field)
                let isRead = result.new.contentType.parameter("charset") == "UTF-8"
                let isSure = result.new.isLabelled(charset: "UTF-8", encoding: "quoted-printable", in: result.output)
                #expect(isRead && isSure, "\(field) → \(result.field)")
                #expect(others(result.new) == others(result.old), "\(field) → \(result.field)")
                count += 1
            }
        }
    }
    #expect(count == 22 * 20 * 16)
}

@Test(arguments: [
    "Content-Type: text/html; charset=UTF-8format=flowed", "Content-Type: text/html; charset=UTF-8utf-8\"\"",
    "Content-Type: text/html; charset=UTF-8 format=flowed", "Content-Type: text/html charset=UTF-8",
    "Content-Type: text/html; x charset=UTF-8", "Content-Type: text/html; charset=UTF-8; charset=latin1",
    "Content-Type: text/html; charset=UTF-8; charset*=x''y", "Content-Type: text/html; name=\"a; charset=UTF-8",
    "Content-Type: text/html; charset=UTF-8\nContent-Type: text/plain", "Content-Type: html; charset=UTF-8",
    "Content-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: 8bit", "X: y",
])
func labelsThatReadersMissAreSeen(_ fields: String) throws {
    let message = bytes("\(fields)\nContent-Transfer-Encoding: quoted-printable\n\nx\n")
    let part = try MIMETree.parse(message).parts[0]
    #expect(!part.isLabelled(charset: "UTF-8", encoding: "quoted-printable", in: message))
}

/// A value that no line holds goes in pieces, and beyond 64 parameters nobody knows what a label says.
@Test func longAndManyParameters() throws {
    let long = String(repeating: "a\"é", count: 400)
    let result = try labelled("Content-Type: text/html; charset; name*=utf-8''\(long.replacing("\"", with: "%22"))")
    #expect(result.new.contentType.parameter("name") == long)
    #expect(result.field.split(separator: "\r\n").allSatisfy { $0.utf8.count < 250 })
    let many = { (count: Int) in (1...count).map { "; a\($0)=b" }.joined() }
    #expect(others(try labelled("Content-Type: text/html\(many(64))").new).count == 64)
    for name in ["Content-Type: text/html", "Content-Disposition: inline"] {
        #expect(throws: MIMELimitExceeded.parameters(limit: 64)) {
            _ = try MIMETree.parse(bytes("\(name)\(many(65))\n\nx\n"))
        }
    }
    // One that was within the limit stays so for the conversion to 7 bit, with what was put in.
    #expect(try SevenBitConversion.convert(bytes("Content-Type: text/html\(many(65))\n\né\n")).allSatisfy { $0 < 128 })
}
