import Glibc
import MessageQueue

/// A failed call of the operating system.
struct SystemError: Error, CustomStringConvertible {
    let call: String
    let code: Int32

    init(_ call: String) {
        self.call = call
        code = errno
    }

    init(_ call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// The calls the queue makes; a test puts faults in their way.
protocol FileSystem: Sendable {
    func open(_ path: String, _ flags: Int32) throws -> Int32
    func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws
    func truncate(_ descriptor: Int32, to octets: Int64) throws
    func erase(_ descriptor: Int32, at offset: Int64, count: Int64) throws
    func sync(_ descriptor: Int32) throws
    func syncDirectory(_ path: String) throws
    func move(_ path: String, to target: String) throws
    func remove(_ path: String) throws
    func free(at path: String) throws -> (octets: Int, total: Int, inodes: Int)
}

extension FileSystem {
    func open(_ path: String, _ flags: Int32) throws -> Int32 { try Files.open(path, flags) }

    func truncate(_ descriptor: Int32, to octets: Int64) throws {
        guard ftruncate(descriptor, Int(octets)) == 0 else { throw SystemError("ftruncate") }
    }

    /// Leaves a hole, which reads as zeros and takes no room; zeros where the file system has no holes.
    func erase(_ descriptor: Int32, at offset: Int64, count: Int64) throws {
        if let punch = Files.fallocate {
            // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
            if punch(descriptor, 1 | 2, Int(offset), Int(count)) == 0 { return }
            guard errno == EOPNOTSUPP || errno == ENOSYS else { throw SystemError("fallocate") }
        }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var done: Int64 = 0
        while done < count {
            let piece = Array(zeros.prefix(Int(min(count - done, Int64(zeros.count)))))
            try write(descriptor, piece, at: offset + done)
            done += Int64(piece.count)
        }
    }

    func syncDirectory(_ path: String) throws { try Files.syncDirectory(path) }

    func move(_ path: String, to target: String) throws {
        guard rename(path, target) == 0 else { throw SystemError("rename \(path)") }
    }

    /// A file that is gone already counts as removed.
    func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw SystemError("unlink \(path)") }
    }
}

struct OperatingSystem: FileSystem {
    func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws {
        try bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let written = pwrite(
                    descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, Int(offset) + done)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw SystemError("write") }
                done += written
            }
        }
    }

    func sync(_ descriptor: Int32) throws {
        guard fdatasync(descriptor) == 0 else { throw SystemError("fdatasync") }
    }

    func free(at path: String) throws -> (octets: Int, total: Int, inodes: Int) {
        var state = statvfs()
        guard statvfs(path, &state) == 0 else { throw SystemError("statvfs \(path)") }
        // File systems without inodes of their own report none in all.
        let inodes = state.f_files == 0 ? Int.max : Int(clamping: state.f_favail)
        return (
            Int(clamping: UInt64(state.f_bavail) &* UInt64(state.f_frsize)),
            Int(clamping: UInt64(state.f_blocks) &* UInt64(state.f_frsize)), inodes
        )
    }
}

/// The operating system, with a watch on its syncs.
struct TimedSystem: FileSystem {
    let observe: @Sendable (Int64) -> Void

    func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws {
        try OperatingSystem().write(descriptor, bytes, at: offset)
    }

    func sync(_ descriptor: Int32) throws {
        let start = ContinuousClock.now
        try OperatingSystem().sync(descriptor)
        observe(Int64((ContinuousClock.now - start) / .nanoseconds(1)))
    }

    func free(at path: String) throws -> (octets: Int, total: Int, inodes: Int) {
        try OperatingSystem().free(at: path)
    }
}

enum Files {
    /// fallocate(2), which Swift's module of glibc does not show: its header wants _GNU_SOURCE.
    static let fallocate: (@convention(c) (Int32, Int32, Int, Int) -> Int32)? =
        dlsym(nil, "fallocate").map {
            unsafeBitCast($0, to: (@convention(c) (Int32, Int32, Int, Int) -> Int32).self)
        }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        guard flags & O_CREAT != 0 else { return descriptor }
        do {
            try giveToOwner(descriptor, path)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// What root makes belongs to whom the directory does: the service, which runs as another user, must be able to use
    /// it. Nobody else can give files away, nor needs to.
    static func giveToOwner(_ descriptor: Int32, _ path: String) throws {
        guard geteuid() == 0 else { return }
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        let directory = slash == path.startIndex ? (path.hasPrefix("/") ? "/" : ".") : String(path[..<slash])
        var (file, owner) = (stat(), stat())
        guard fstat(descriptor, &file) == 0, stat(directory, &owner) == 0 else { throw SystemError("stat \(path)") }
        guard file.st_uid == 0, owner.st_uid != 0 else { return }
        if fchown(descriptor, owner.st_uid, owner.st_gid) == 0 { return }
        // A root that may give nothing away, as in a container, is the service itself.
        guard errno == EPERM || errno == EINVAL else { throw SystemError("chown \(path)") }
    }

    /// Octets of a file; `nil` where there is none.
    /// - Throws: ``SystemError`` where that cannot be said.
    static func size(_ path: String) throws -> Int64? {
        var state = stat()
        guard stat(path, &state) == 0 else {
            guard errno == ENOENT else { throw SystemError("stat \(path)") }
            return nil
        }
        return Int64(state.st_size)
    }

    static func read(_ path: String, offset: Int64, count: Int) throws -> [UInt8] {
        let descriptor = try open(path, O_RDONLY)
        defer { Glibc.close(descriptor) }
        return try read(descriptor, offset: offset, count: count)
    }

    static func read(_ descriptor: Int32, offset: Int64, count: Int) throws -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let got = pread(
                    descriptor, buffer.baseAddress?.advanced(by: initialized), count - initialized,
                    Int(offset) + initialized)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = SystemError("read") }
                if got <= 0 { return }
                initialized += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    static func syncDirectory(_ path: String) throws {
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError("fsync \(path)") }
    }

    static func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 else {
            guard errno == EEXIST else { throw SystemError("mkdir \(path)") }
            return
        }
        let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
        defer { Glibc.close(descriptor) }
        try giveToOwner(descriptor, path)
    }

    static func names(in path: String) throws -> [String] {
        guard let directory = opendir(path) else { throw SystemError("opendir \(path)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
