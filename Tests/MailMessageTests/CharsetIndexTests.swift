import Testing

@testable import MailMessage

/// FNV-1a of 64 bits.
private struct Digest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ text: some Sequence<UInt8>) {
        for octet in text { value = (value ^ UInt64(octet)) &* 0x100_0000_01B3 }
        value = (value ^ 0xFE) &* 0x100_0000_01B3
    }

    /// What a charset makes of some octets; FF for an error.
    mutating func add(_ octets: [UInt8], _ charset: Charset) {
        add((try? charset.decodeToUTF8(octets)) ?? [0xFF])
    }
}

/// Everything the Encoding Standard's legacy decoders make of their octets, against digests that
/// Tests/Interop/charsets/digests.py computed from the standard's own index files by the standard's own text.
@Test(
    arguments: [
        ("big5", 0x3997_F849_9187_2F97), ("euc-kr", 0xBA22_2543_DF4B_A001), ("gb18030", 0xEE81_88C4_54EF_0F5C),
        ("euc-jp", 0xDF4F_F056_200B_D56F), ("shift_jis", 0x3C26_968B_7237_8F33), ("ibm866", 0x7C51_4702_D9B5_66E2),
        ("iso-8859-10", 0x49B0_96FC_D828_0447), ("iso-8859-13", 0x0D79_BE3A_AE63_BBDD),
        ("iso-8859-14", 0xE122_41E1_73B1_1CC3), ("iso-8859-15", 0x87C5_D52F_974F_90B2),
        ("iso-8859-16", 0x974D_CE83_87CC_12B4), ("iso-8859-2", 0xF277_661C_2D95_F76C),
        ("iso-8859-3", 0x92F6_7D19_78A6_C5B5), ("iso-8859-4", 0x734A_1656_F58D_0EDD),
        ("iso-8859-5", 0xA46C_F135_9B44_935D), ("iso-8859-6", 0xC236_F22E_D6E8_3A04),
        ("iso-8859-7", 0x85D2_AA59_DFDC_12C5), ("iso-8859-8", 0x4F35_7E50_43C3_3F71),
        ("koi8-r", 0x0C77_0452_D986_69B9), ("koi8-u", 0xF677_F4A4_17D3_5695), ("macintosh", 0xC4BF_9E72_2B6F_F6E1),
        ("windows-1250", 0xE97F_8B74_833F_B429), ("windows-1251", 0x517F_6907_4C0C_7AB9),
        ("windows-1252", 0x785D_DFF0_7171_0348), ("windows-1253", 0x7AFA_033C_5618_8988),
        ("windows-1254", 0x86DC_399F_F0EC_C6BC), ("windows-1255", 0x3C5E_7C7E_5029_86D9),
        ("windows-1256", 0x9F8D_2DAC_AF0D_851B), ("windows-1257", 0x9648_3CD6_F31C_767A),
        ("windows-1258", 0x57B6_B17F_2DA8_2FF7), ("windows-874", 0x44B0_370A_964F_E011),
        ("x-mac-cyrillic", 0x7E45_FEEC_1C2E_94A7),
    ] as [(String, UInt64)])
func decodersAreTheStandards(_ name: String, _ expected: UInt64) throws {
    let charset = try #require(Charset(label: name))
    var digest = Digest()
    let isMultiByte = ["big5", "euc-kr", "gb18030", "euc-jp", "shift_jis"].contains(name)
    for lead in UInt8(0x80)...0xFF {
        digest.add([lead], charset)
        guard isMultiByte else { continue }
        for trail in UInt8(0)...0xFF { digest.add([lead, trail], charset) }
    }
    if name == "euc-jp" {
        for lead in UInt8(0xA0)...0xFF {
            for trail in UInt8(0xA0)...0xFF { digest.add([0x8F, lead, trail], charset) }
        }
    }
    if name == "gb18030" {
        let pointers = Array(0..<40_000) + Array(stride(from: 180_000, to: 1_240_000, by: 97)) + [1_237_575, 1_237_576]
        for pointer in pointers {
            let digits = [
                pointer / 12_600 + 0x81, pointer / 1260 % 10 + 0x30, pointer / 10 % 126 + 0x81, pointer % 10 + 0x30,
            ]
            digest.add(digits.map { UInt8(truncatingIfNeeded: $0) }, charset)
        }
    }
    #expect(digest.value == expected)
}

@Test func iso2022JPIsTheStandards() throws {
    let charset = try #require(Charset(label: "iso-2022-jp"))
    var digest = Digest()
    for lead in UInt8(0x21)...0x7E {
        for trail in UInt8(0x21)...0x7E { digest.add([0x1B, 0x24, 0x42, lead, trail, 0x1B, 0x28, 0x42], charset) }
    }
    #expect(digest.value == 0xC89A_B43D_CE7D_CEFE)
    // Names that Japanese mail is full of (NEC's and IBM's rows), and what RFC 2237 adds.
    let names: [UInt8] = [0x1B, 0x24, 0x42, 0x7C, 0x62, 0x1B, 0x24, 0x28, 0x44, 0x22, 0x2F, 0x1B, 0x28, 0x42]
    #expect(String(decoding: try charset.decodeToUTF8(names), as: UTF8.self) == "髙˘")
    for octets: [UInt8] in [[0x0E], [0x1B, 0x24, 0x28, 0x4F], [0x1B, 0x24, 0x42, 0x24], [0x1B], [0x80]] {
        #expect(throws: CharsetError.self) { try charset.decodeToUTF8(octets) }
    }
}

/// All labels of the standard lead to its encodings; what mail reads otherwise is listed here.
@Test func labelsAreTheStandards() {
    let extras: Set<String> = [
        "cp936", "ms936", "cp932", "utf-7", "unicode-1-1-utf-7", "csunicode11utf7", "hz", "latin-9",
    ]
    let logical: Set<String> = ["csiso88598i", "iso-8859-8-i", "logical"]
    let refused: Set<String> = ["csiso2022kr", "hz-gb-2312", "iso-2022-cn", "iso-2022-cn-ext", "iso-2022-kr"]
    let entries = CharsetLabels.rows.compactMap { label, row -> String? in
        guard !extras.contains(label) else { return nil }
        let name = CharsetLabels.table[row].name
        return "\(label)=" + (refused.contains(label) ? "replacement" : logical.contains(label) ? "iso-8859-8-i" : name)
    }
    var digest = Digest()
    for entry in entries.sorted() { digest.add(entry.utf8) }
    #expect(entries.count == 228 && digest.value == 0x4C49_F837_BFCC_6E32)
}

/// What is written reads back as what it was, for each character an encoding has.
@Test(arguments: CharsetLabels.table.map(\.name))
func encodersWriteWhatTheDecodersRead(_ name: String) throws {
    let charset = try #require(Charset(label: name))
    guard charset.canSplice, !charset.isUTF8 else { return }
    var written = 0
    let isSmall = if case .singleByte = charset.coding { true } else { false }
    for codePoint in UInt32(0x20)...(isSmall ? 0x3000 : 0x2_FFFF) {
        guard let scalar = Unicode.Scalar(codePoint) else { continue }
        let text = Array(String(scalar).utf8)
        guard let octets = try? charset.encodeFromUTF8(text) else { continue }
        written += 1
        let back = try charset.decodeToUTF8(octets)
        // Japanese encoders write one dash for two, `ISO-2022-JP` wide katakana for half-width ones, and both that and
        // Shift_JIS `\` and `~` for the yen sign and the overline; GBK's characters of private use have moved.
        let isFolded = [0xA5, 0x203E, 0x2212].contains(codePoint) || 0xFF61...0xFF9F ~= codePoint
        let isMoved = 0xE78D...0xE864 ~= codePoint
        #expect(back == text || isFolded || isMoved, "\(name) U+\(String(codePoint, radix: 16))")
    }
    #expect(written > 130)
}

@Test(
    arguments: [
        ("gbk", "€", [0x80]), ("gb18030", "€", [0xA2, 0xE3]), ("big5", "十", [0xA4, 0x51]), ("big5", "═", [0xF9, 0xF9]),
        ("shift_jis", "￢", [0x81, 0xCA]), ("euc-jp", "ｱ−", [0x8E, 0xB1, 0xA1, 0xDD]),
        ("gb18030", "😀", [0x94, 0x39, 0xFC, 0x36]),
        ("iso-2022-jp", "aｱ¥", [0x61, 0x1B, 0x24, 0x42, 0x25, 0x22, 0x1B, 0x28, 0x4A, 0x5C, 0x1B, 0x28, 0x42]),
        ("gb18030", "\u{E81E}", [0xFE, 0x59]), ("koi8-u", "ў", [0xAE]), ("x-mac-cyrillic", "€", [0xFF]),
    ] as [(String, String, [UInt8])])
func encodersAreTheStandards(_ label: String, _ text: String, _ octets: [UInt8]) throws {
    #expect(try #require(Charset(label: label)).encodeFromUTF8(Array(text.utf8)) == octets)
}

@Test(arguments: [
    ("big5", "㐁"), ("big5", "\u{43F0}"), ("euc-jp", "˘"), ("gbk", "😀"), ("gb18030", "\u{E5E5}"), ("utf-16", "a"),
    ("iso-8859-1", "中"), ("iso-2022-jp", "\u{1B}"),
])
func whatTheStandardDoesNotWriteIsRefused(_ label: String, _ text: String) throws {
    let charset = try #require(Charset(label: label))
    #expect(throws: CharsetError.self) { try charset.encodeFromUTF8(Array(text.utf8)) }
}

@Test(arguments: ["hz-gb-2312", "replacement", "iso-2022-cn-ext", "x-user-defined"])
func charsetsThatReadersDisagreeOnAreReadAsFarAsTheyAreASCII(_ label: String) throws {
    let charset = try #require(Charset(label: label))
    #expect(try charset.decodeToUTF8(Array("<p>~ plain</p>\r\n".utf8)) == Array("<p>~ plain</p>\r\n".utf8))
    for text in ["~{VPND~}", "a\u{E}b", "\u{1B}$)A", "é", "\0", "~~", "~\n"] {
        #expect(throws: CharsetError.self) { try charset.decodeToUTF8(Array(text.utf8)) }
    }
    #expect(Charset.isPlainASCII(Array("a+b".utf8), label: "x-klingon"))
    #expect(!Charset.isPlainASCII(Array("a+b".utf8), label: "UTF7"))
    #expect(!Charset.isPlainASCII([0xE9], label: "x-klingon"))
}
