import Glibc

/// Files that are read and written whole: keys, lists, users, passwords.
enum SmallFile {
    /// A failed call, in words.
    struct Failure: Error, CustomStringConvertible {
        let code: Int32
        let description: String

        init(_ action: String, _ path: String, code: Int32 = errno) {
            self.code = code
            description = "cannot \(action) \(path): \(String(cString: strerror(code)))"
        }
    }

    private static let largest = 64 << 20

    /// - Throws: ``Failure``; also for what is no regular file, which might never end.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        // A FIFO that nobody writes to would hold up the open.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Failure("read", path) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw Failure("read", path) }
        switch facts.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw Failure("read", path, code: EISDIR)
        default: throw Failure("read", path, code: EINVAL)
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Failure("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= largest else { throw Failure("read", path, code: EFBIG) }
        }
    }

    /// Makes a file, whole and on disk, where there is none.
    /// - Returns: `false` where there is one already, which stays as it is.
    /// - Throws: ``Failure``.
    static func create(_ path: String, _ bytes: [UInt8]) throws(Failure) -> Bool {
        let temporary = try write(path, bytes, like: nil)
        defer { unlink(temporary) }
        // Unlike rename(2), link(2) never takes the place of what is there.
        if link(temporary, path) != 0 {
            guard errno == EEXIST else { throw Failure("make", path) }
            return false
        }
        try syncDirectory(of: path)
        return true
    }

    /// Replaces a file's content, whole or not at all, on disk when it returns; owner and mode stay, a symbolic link too.
    /// - Throws: ``Failure``.
    static func replace(_ path: String, _ bytes: [UInt8]) throws(Failure) {
        guard let resolved = realpath(path, nil) else { throw Failure("replace", path) }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var facts = stat()
        guard stat(target, &facts) == 0 else { throw Failure("replace", path) }
        let temporary = try write(target, bytes, like: facts)
        guard rename(temporary, target) == 0 else {
            let failure = Failure("replace", path)
            unlink(temporary)
            throw failure
        }
        try syncDirectory(of: target)
    }

    /// - Parameter like: the file whose owner and mode it gets; `nil` for the directory's owner and 0600.
    private static func write(_ path: String, _ bytes: [UInt8], like old: stat?) throws(Failure) -> String {
        let temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("write", temporary) }
        defer { close(descriptor) }
        do throws(Failure) {
            try adopt(descriptor, temporary, old)
            var done = 0
            while done < bytes.count {
                let count = bytes[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw Failure("write", temporary) }
                done += count
            }
            guard fsync(descriptor) == 0 else { throw Failure("write", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        return temporary
    }

    /// A file that root makes or replaces must stay readable for the service's user.
    private static func adopt(_ descriptor: Int32, _ path: String, _ old: stat?) throws(Failure) {
        var owner = stat()
        if let old {
            owner = old
        } else {
            guard stat(directory(of: path), &owner) == 0 else { throw Failure("write", path) }
            guard geteuid() == 0 else { return }
        }
        var own = stat()
        guard fstat(descriptor, &own) == 0 else { throw Failure("write", path) }
        if own.st_uid != owner.st_uid || own.st_gid != owner.st_gid {
            // A root that may give nothing away, as in a container, is the service itself; a file that is replaced had its
            // owner for a reason.
            guard
                fchown(descriptor, owner.st_uid, owner.st_gid) == 0 || old == nil && (errno == EPERM || errno == EINVAL)
            else { throw Failure("keep the owner of", path) }
        }
        if let old, fchmod(descriptor, old.st_mode & 0o777) != 0 { throw Failure("keep the mode of", path) }
    }

    static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func syncDirectory(of path: String) throws(Failure) {
        let directory = directory(of: path)
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("sync", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Failure("sync", directory) }
    }

    /// Runs alone among all processes that change files of this directory.
    static func locked<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        let directory = directory(of: path)
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("lock", directory) }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw Failure("lock", directory) }
        return try body()
    }
}
