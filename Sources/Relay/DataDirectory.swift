import Glibc

/// Where queue, events and journal stand.
enum DataDirectory {
    /// Makes it where it is missing.
    /// - Throws: ``StartFailure``.
    static func prepare(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StartFailure(
                "cannot make data-directory \(path): \(String(cString: strerror(errno)))", exitCode: 73)
        }
        try check(path)
    }

    /// Whether a start could use it, or make it.
    /// - Throws: ``StartFailure``.
    static func check(_ path: String) throws {
        var facts = stat()
        if stat(path, &facts) != 0, errno == ENOENT {
            guard access(SmallFile.directory(of: path), W_OK | X_OK) == 0 else {
                throw StartFailure(
                    "cannot make data-directory \(path): \(String(cString: strerror(errno)))", exitCode: 73)
            }
            return
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            throw StartFailure(
                "cannot use data-directory \(path): \(String(cString: strerror(errno))); it must belong to the service's user",
                exitCode: 73)
        }
        guard facts.st_mode & S_IFMT == S_IFDIR else {
            throw StartFailure("data-directory \(path) is no directory", exitCode: 73)
        }
    }
}
