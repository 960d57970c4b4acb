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
    func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws
    func sync(_ descriptor: Int32) throws
    func free(at path: String) throws -> (octets: Int, total: Int, inodes: Int)
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
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        return descriptor
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
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SystemError("mkdir \(path)") }
    }

    static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
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
