import Glibc
import NIOCore
import Testing

@testable import Relay

@Test(arguments: [
    (EADDRINUSE, 69, "the port is taken; stop what listens there"), (EACCES, 77, "CAP_NET_BIND_SERVICE"),
    (EADDRNOTAVAIL, 69, "this machine has no such address"), (ENOBUFS, 69, "No buffer space available"),
])
func aPortThatCannotBeHadIsNamedWithTheMend(_ code: Int32, _ exitCode: Int32, _ words: String) {
    let failure = StartFailure.listening(
        on: "127.0.0.1:25", key: "[web] address", IOError(errnoCode: code, reason: "bind"))
    #expect(failure.exitCode == exitCode)
    #expect(failure.description.hasPrefix("cannot listen on 127.0.0.1:25 ([web] address): "))
    #expect(failure.description.contains(words))
}
