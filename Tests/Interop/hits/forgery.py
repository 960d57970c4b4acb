"""Tokens that nobody signed."""

import hmac
import re
import secrets
import sys

from lab import check
from service import Service
from wire import Key, ask, click_path, encoded, open_path, signed, statuses, talk


def bad_clicks(key):
    """Names and paths, none of which anybody signed. What stands behind a whole token changes nothing: it leads where its
    signature says (TrackingWebTests)."""
    message, other = secrets.token_bytes(10), secrets.token_bytes(10)
    target = b"https://www.example.test/offer"
    good, second = (signed(key, "c", id, 5, 3, target) for id in (message, other))
    places = {"version": 0, "key id": 1, "message": 5, "recipient": 12, "link": 13, "target": 20, "code": len(good) - 3}
    for name, place in places.items():
        octets = bytearray(good)
        octets[place] ^= 1
        yield f"another {name}", "/c/" + encoded(octets)
    one, two = encoded(good), encoded(second)
    yield "a token cut by an octet", "/c/" + encoded(good[:-1])
    yield "a token cut by a letter", "/c/" + one[:-1]
    yield "a token without its code", "/c/" + encoded(good[:-16])
    yield "a token with an octet more", "/c/" + encoded(good + b"\0")
    yield "a token with letters more", "/c/" + one + "AAAA"
    # 62 octets, or three more or less: the last letter holds two bits that mean nothing.
    spare = signed(key, "c", message, 5, 3, target + b"/" * ((62 - len(good)) % 3))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(encoded(spare)[-1])
    yield "another spelling of the last letter", "/c/" + encoded(spare)[:-1] + letters[last ^ 1]
    yield "an open as click", "/c/" + encoded(signed(key, "o", message, 5))
    yield "a click that an open's code signs", "/c/" + encoded(
        good[:-16] + hmac.digest(key.secret, b"o" + good[:-16], "sha256")[:16])
    foreign = Key(key.id, secrets.token_bytes(32))
    yield "another key's signature", click_path(foreign, message, 5, 3, target)
    yield "a key that is not there", click_path(Key(key.id ^ 0x80, key.secret), message, 5, 3, target)
    yield "halves of two tokens", "/c/" + one[:len(one) // 2] + two[len(two) // 2:]
    yield "a percent-encoded token with an octet changed", "/c/" + "".join(
        f"%{ord(letter):02X}" for letter in one[:40] + ("A" if one[40] != "A" else "B") + one[41:])
    yield "a token twice", "/c/" + one + one
    yield "a token in capitals", "/c/" + one.swapcase()
    yield "an address for a token", "/c/https://evil.test"
    yield "a host for a token", "/c//evil.test"
    yield "nothing", "/c/"
    yield "4,097 octets", "/c/" + "A" * 4_097


def bad_opens(key):
    message = secrets.token_bytes(10)
    good = signed(key, "o", message, 5)
    for name, place in {"version": 0, "key id": 1, "message": 5, "recipient": 12, "code": len(good) - 3}.items():
        octets = bytearray(good)
        octets[place] ^= 1
        yield f"another {name}", f"/o/{encoded(octets)}.gif"
    yield "a cut token", f"/o/{encoded(good[:-1])}.gif"
    yield "a click as open", "/o/" + encoded(signed(key, "c", message, 5, 3, b"https://www.example.test/")) + ".gif"
    yield "another key's signature", open_path(Key(key.id, secrets.token_bytes(32)), message, 5)
    yield "nothing", "/o/"
    yield "nothing but .gif", "/o/.gif"
    yield "an address", "/o/https://evil.test/a.gif"


def counter(relay, name):
    found = re.search(rf"^{name} (\d+)$", ask(relay.web, "/metrics").body.decode(), re.M)
    return int(found[1]) if found else 0


def tokens():
    print("tokens that nobody signed")
    relay = Service("tokens")
    path, message = relay.fresh_link()
    check(ask(relay.web, path).location == "https://www.example.test/", "a good token redirects")
    pixel = ask(relay.web, open_path(relay.key, bytes.fromhex(message), 0))
    check(pixel.status == 200 and pixel.body[:6] == b"GIF89a", "a good pixel is a GIF")
    before, invalid, shapes = relay.settled(), counter(relay, "token_invalid_total"), {}
    clicks, opens = list(bad_clicks(relay.key)), list(bad_opens(relay.key))
    for name, path in clicks:
        answer = ask(relay.web, path)
        check(answer.status == 404 and answer.location is None, f"{name}: {answer.line}")
        shapes[str(answer.shape)] = name
        if b"cookie" in answer.head.lower() or b"evil" in answer.body:
            sys.exit(f"FAILED: {name} shows in the answer: {answer.head}")
    check(len(shapes) == 1, f"the answer is the same to all {len(clicks)} {list(shapes)[1:2]}")
    for name, path in opens:
        answer = ask(relay.web, path)
        if (answer.status, answer.body, answer.location) != (404, pixel.body, None):
            sys.exit(f"FAILED: pixel of {name}: {answer.head} {answer.body}")
        if answer.fields["content-type"] != "image/gif" or b"cookie" in answer.head.lower():
            sys.exit(f"FAILED: pixel of {name}: {answer.head}")
    check(True, f"{len(opens)} pixels of bad tokens are the GIF with 404")
    # Longer than any address the service looks at: it need not be looked up, but must lead nowhere either.
    received, _ = talk(relay.web, b"GET /c/" + b"A" * 9_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    check(statuses(received) in ([404], [414]) and b"ocation:" not in received, f"9,000 octets: {statuses(received)}")
    check(relay.settled() == before + 1, "none of them is an event")
    grown = counter(relay, "token_invalid_total") - invalid
    check(grown >= len(clicks) + len(opens), f"token_invalid_total grew by {grown}")
    relay.stop()
