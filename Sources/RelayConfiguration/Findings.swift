/// Collects errors while sections are read, so that one run shows them all.
final class Findings {
    let places: ConfigurationPlaces
    var errors: [ConfigurationError] = []
    var warnings: [ConfigurationError] = []

    init(_ places: ConfigurationPlaces) { self.places = places }

    func position(of path: [String]) -> SourcePosition { places.position(of: path) }
    func error(_ path: [String], _ message: String) { errors.append(places.error(path, message)) }
    func warning(_ path: [String], _ message: String) { warnings.append(places.error(path, message)) }
}
