/// Labels that name charsets: the WHATWG Encoding Standard's table, and what mail has besides (RFC 2152, RFC 1557).
enum CharsetLabels {
    /// Canonical name, how it is read (`nil` for the single-byte encoding of that name), and the labels in lower case.
    static let table: [(name: String, coding: Charset.Coding?, labels: String)] = [
        ("utf-8", .utf8, "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"),
        ("ibm866", nil, "866 cp866 csibm866 ibm866"),
        (
            "iso-8859-2", nil,
            "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"
        ),
        (
            "iso-8859-3", nil,
            "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"
        ),
        (
            "iso-8859-4", nil,
            "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"
        ),
        (
            "iso-8859-5", nil,
            "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 "
                + "iso_8859-5:1988"
        ),
        (
            "iso-8859-6", nil,
            "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
                + "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"
        ),
        (
            "iso-8859-7", nil,
            "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 "
                + "iso_8859-7 iso_8859-7:1987 sun_eu_greek"
        ),
        (
            "iso-8859-8", nil,
            "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 "
                + "iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical"
        ),
        ("iso-8859-10", nil, "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"),
        ("iso-8859-13", nil, "iso-8859-13 iso8859-13 iso885913"),
        ("iso-8859-14", nil, "iso-8859-14 iso8859-14 iso885914"),
        ("iso-8859-15", nil, "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9 latin-9"),
        ("iso-8859-16", nil, "iso-8859-16"),
        ("koi8-r", nil, "cskoi8r koi koi8 koi8-r koi8_r"),
        ("koi8-u", nil, "koi8-ru koi8-u"),
        ("macintosh", nil, "csmacintosh mac macintosh x-mac-roman"),
        ("x-mac-cyrillic", nil, "x-mac-cyrillic x-mac-ukrainian"),
        ("windows-874", nil, "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"),
        ("windows-1250", nil, "cp1250 windows-1250 x-cp1250"),
        ("windows-1251", nil, "cp1251 windows-1251 x-cp1251"),
        (
            "windows-1252", nil,
            "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
                + "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"
        ),
        ("windows-1253", nil, "cp1253 windows-1253 x-cp1253"),
        (
            "windows-1254", nil,
            "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 "
                + "latin5 windows-1254 x-cp1254"
        ),
        ("windows-1255", nil, "cp1255 windows-1255 x-cp1255"),
        ("windows-1256", nil, "cp1256 windows-1256 x-cp1256"),
        ("windows-1257", nil, "cp1257 windows-1257 x-cp1257"),
        ("windows-1258", nil, "cp1258 windows-1258 x-cp1258"),
        ("gb18030", .gb18030, "gb18030"),
        (
            "gbk", .gbk,
            "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk cp936 ms936"
        ),
        ("big5", .big5, "big5 big5-hkscs cn-big5 csbig5 x-x-big5"),
        ("euc-jp", .eucJP, "cseucpkdfmtjapanese euc-jp x-euc-jp"),
        ("iso-2022-jp", .iso2022JP, "csiso2022jp iso-2022-jp"),
        ("shift_jis", .shiftJIS, "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis cp932"),
        (
            "euc-kr", .eucKR,
            "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"
        ),
        ("iso-2022-kr", .iconv("ISO-2022-KR"), "csiso2022kr iso-2022-kr"),
        ("iso-2022-cn", .iconv("ISO-2022-CN"), "iso-2022-cn"),
        ("utf-16be", .utf16(isBigEndian: true), "unicodefffe utf-16be"),
        ("utf-16le", .utf16(isBigEndian: false), "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le"),
        ("utf-7", .iconv("UTF-7"), "utf-7 unicode-1-1-utf-7 csunicode11utf7"),
        // Mail readers disagree on whether, and how, these are read (the standard has "replacement" for most).
        ("hz-gb-2312", .plain, "hz-gb-2312 hz"),
        ("replacement", .plain, "replacement iso-2022-cn-ext"),
        ("x-user-defined", .plain, "x-user-defined"),
    ]

    /// How the rows of ``table`` are read.
    static let codings: [Charset.Coding] = table.map { row in
        row.coding ?? .singleByte(SingleByteIndexes.all[row.name] ?? [UInt32](repeating: 0, count: 128))
    }

    /// Row of ``table`` by label.
    static let rows: [String: Int] = {
        var rows: [String: Int] = [:]
        for (index, row) in table.enumerated() {
            for label in row.labels.split(separator: " ") { rows[String(label)] = index }
        }
        return rows
    }()
}
