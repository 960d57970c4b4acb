import Synchronization
import Testing

@testable import Relay

@Test func onlyWhatEveryUpstreamTakesIsOffered() {
    let routes = RouteCapabilities()
    #expect(!routes.allTakeSMTPUTF8)
    routes.add("one", takesSMTPUTF8: nil) {}
    routes.add("two", takesSMTPUTF8: nil) {}
    #expect(!routes.allTakeSMTPUTF8)
    routes.learn("one", takesSMTPUTF8: true)
    #expect(!routes.allTakeSMTPUTF8)
    routes.learn("two", takesSMTPUTF8: true)
    #expect(routes.allTakeSMTPUTF8)
    routes.learn("two", takesSMTPUTF8: false)
    #expect(!routes.allTakeSMTPUTF8)
}

@Test func anUpstreamThatIsNotKnownIsAskedOnce() async {
    let routes = RouteCapabilities()
    let asked = Mutex(0)
    routes.add("one", takesSMTPUTF8: nil) { [routes] in
        asked.withLock { $0 += 1 }
        routes.learn("one", takesSMTPUTF8: true)
    }
    #expect(await routes.takesSMTPUTF8("one") == true)
    #expect(await routes.takesSMTPUTF8("one") == true)
    #expect(asked.withLock { $0 } == 1)
}

@Test func anUpstreamThatCannotBeReachedIsNotAskedForEachMail() async {
    let routes = RouteCapabilities()
    let asked = Mutex(0)
    routes.add("one", takesSMTPUTF8: nil) { asked.withLock { $0 += 1 } }
    for _ in 0..<10 { #expect(await routes.takesSMTPUTF8("one") == nil) }
    #expect(asked.withLock { $0 } == 1)
    #expect(await routes.takesSMTPUTF8("none") == nil)
}

@Test func whatNeverTakesItIsNotAsked() async {
    let routes = RouteCapabilities()
    routes.add("one", takesSMTPUTF8: false) { Issue.record("asked") }
    #expect(await routes.takesSMTPUTF8("one") == false)
}
