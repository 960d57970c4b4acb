/// Index gb18030 ranges of the Encoding Standard (§5): characters of four octets.
enum GB18030Ranges {
    /// First pointer and first code point of each range, by pointer.
    private static let ranges: [(pointer: Int, codePoint: UInt32)] = table.split(whereSeparator: \.isWhitespace)
        .compactMap { entry in
            let numbers = entry.split(separator: ":").compactMap { UInt32($0, radix: 16) }
            return numbers.count == 2 ? (Int(numbers[0]), numbers[1]) : nil
        }

    /// The code point at a pointer; `nil` where there is none.
    static func codePoint(at pointer: Int) -> UInt32? {
        if 39_420..<189_000 ~= pointer || pointer > 1_237_575 { return nil }
        if pointer == 7457 { return 0xE7C7 }
        let next = ranges.partitioningIndex { $0.pointer > pointer }
        guard next > 0 else { return nil }
        return ranges[next - 1].codePoint + UInt32(pointer - ranges[next - 1].pointer)
    }

    /// The pointer of a code point that no two octets stand for.
    static func pointer(of codePoint: UInt32) -> Int? {
        if codePoint == 0xE7C7 { return 7457 }
        let next = ranges.partitioningIndex { $0.codePoint > codePoint }
        guard next > 0 else { return nil }
        return ranges[next - 1].pointer + Int(codePoint - ranges[next - 1].codePoint)
    }

    private static let table = """
        0:80 24:A5 26:A9 2D:B2 32:B8 51:D8 59:E2 5F:EB 60:EE 64:F4 67:F8 68:FB 69:FD 6D:102 7E:114 85:11C 94:12C AC:145
        AF:149 B3:14E D0:16C 132:1CF 133:1D1 134:1D3 135:1D5 136:1D7 137:1D9 138:1DB 139:1DD 155:1FA 1AC:252 1BB:262
        220:2C8 221:2CC 22E:2DA 2E5:3A2 2E6:3AA 2ED:3C2 2EE:3CA 325:402 333:450 334:452 1EF2:2011 1EF4:2017 1EF5:201A
        1EF7:201E 1EFE:2027 1F07:2031 1F08:2034 1F09:2036 1F0E:203C 1F7E:20AD 1FD4:2104 1FD5:2106 1FD8:210A 1FE4:2117
        1FEE:2122 202C:216C 2030:217A 2046:2194 2048:219A 20B6:2209 20BC:2210 20BD:2212 20C0:2216 20C4:221B 20C6:2221
        20C8:2224 20C9:2226 20CA:222C 20CC:222F 20D1:2238 20D6:223E 20E0:2249 20E3:224D 20E8:2253 20F5:2262 20F7:2268
        20FD:2270 2122:2296 2125:229A 2130:22A6 2149:22C0 219B:2313 22E8:246A 22F2:249C 2356:254C 235A:2574 2367:2590
        236A:2596 2374:25A2 2384:25B4 238C:25BE 2394:25C8 2397:25CC 2399:25D0 23AB:25E6 23CA:2607 23CC:260A 2402:2641
        2403:2643 2C41:2E82 2C43:2E85 2C46:2E89 2C48:2E8D 2C52:2E98 2C61:2EA8 2C63:2EAB 2C66:2EAF 2C6A:2EB4 2C6C:2EB8
        2C6F:2EBC 2C7D:2ECB 2DA2:2FFC 2DA6:3004 2DA7:3018 2DAC:301F 2DAE:302A 2DC2:303F 2DC4:3094 2DCB:309F 2DCD:30F7
        2DD2:30FF 2DD8:312A 2ECE:322A 2ED5:3232 2F46:32A4 3030:3390 303C:339F 303E:33A2 3060:33C5 3069:33CF 306B:33D3
        306D:33D6 30DE:3448 3109:3474 3233:359F 32A2:360F 32AD:361B 35AA:3919 35FF:396F 365F:39D1 366D:39E0 3700:3A74
        37DA:3B4F 38F9:3C6F 396A:3CE1 3CDF:4057 3DE7:4160 3FBE:4338 4032:43AD 4036:43B2 4061:43DE 4159:44D7 42CE:464D
        42E2:4662 43A3:4724 43A8:472A 43FA:477D 440A:478E 45C3:4948 45F5:497B 45F7:497E 45FB:4984 45FC:4987 4610:499C
        4613:49A0 4629:49B8 48E8:4C78 490F:4CA4 497E:4D1A 4A12:4DAF 4A63:9FA6 82BD:E76C 82BE:E7C8 82BF:E7E7 82CC:E815
        82CD:E819 82D2:E81F 82D9:E827 82DD:E82D 82E1:E833 82E9:E83C 82F0:E844 8300:E856 830E:E865 93D5:F92D 9421:F97A
        943C:F996 948D:F9E8 9496:F9F2 94B0:FA10 94B1:FA12 94B2:FA15 94B5:FA19 94BB:FA22 94BC:FA25 94BE:FA2A 98C4:FE32
        98C5:FE45 98C9:FE53 98CA:FE58 98CB:FE67 98CC:FE6C 9961:FF5F 99E2:FFE6 2E248:10000
        """
}

extension Array {
    /// Where the elements begin of which `isBehind` holds, in an array in which they stand last.
    fileprivate func partitioningIndex(_ isBehind: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
