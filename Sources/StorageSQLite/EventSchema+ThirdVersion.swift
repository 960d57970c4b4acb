import GRDB
import TrackingEvents

extension EventSchema {
    /// The first three versions told what a verdict rests on by its sentence alone.
    static func moveThirdVersion(_ database: Database) throws {
        try database.execute(sql: "ALTER TABLE event ADD COLUMN basis INTEGER NOT NULL DEFAULT 0")
        try settleBases(database)
    }

    /// Reads the sentences of those versions, which stay as they were whatever later ones say.
    static func settleBases(_ database: Database) throws {
        let sentences: [(HitBasis, String)] = [
            (.nothing, "evidence = 'nothing speaks against it'"), (.noAgent, "evidence = 'no user agent'"),
            (.delivery, "evidence GLOB '[0-9]* the upstream''s 250'"), (.burst, "evidence GLOB 'burst:*'"),
        ]
        let cases = sentences.map { "WHEN \($0.1) THEN \($0.0.rawValue)" }.joined(separator: " ")
        let conditions = sentences.map(\.1).joined(separator: " OR ")
        let absent = HitClass.allCases.map { "'\($0.rawValue) no user agent'" }.joined(separator: ", ")
        try database.execute(
            sql: """
                UPDATE event SET basis = CASE \(cases) END WHERE kind <> 'delivery' AND (\(conditions));
                UPDATE event SET said = substr(said, 1, instr(said, ' ')) || 'no-agent' WHERE said IN (\(absent));
                """)
    }
}
