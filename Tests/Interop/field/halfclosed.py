"""Scripts that send everything, close their sending side and read on (`printf | nc -N`, socat; RFC 9293 §3.6)."""

import re
import socket
import ssl
import subprocess

from bench import PLAIN, Bench
from lab import FOLDER, check

ONE = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n" + PLAIN + b".\r\n"


def codes(heard):
    return [int(code) for code in re.findall(rb"(?m)^(\d{3}) ", heard)]


def read_on(peer):
    heard = b""
    while piece := peer.recv(65_536):
        heard += piece
    return heard


def halfclosed():
    bench = Bench("halfclosed")
    cases = {"three mails and QUIT": (b"HELO script\r\n" + ONE * 3 + b"QUIT\r\n", 3, [221]),
             "one mail, no QUIT": (b"HELO script\r\n" + ONE, 1, []),
             "a login, one mail": (b"EHLO script\r\nAUTH PLAIN AHUAcA==\r\n" + ONE + b"QUIT\r\n", 1, [221]),
             "a content without its end": (b"HELO script\r\n" + ONE[:-3], 0, [])}
    for words, (sent, mails, end) in cases.items():
        with bench.connect() as peer:
            peer.sendall(sent)
            peer.shutdown(socket.SHUT_WR)
            got = codes(read_on(peer))
        check(got.count(354) == max(1, mails) and got[len(got) - len(end):] == end, f"{words}: {got}")
        for _ in range(mails):
            bench.arrives(words)
    with bench.connect() as peer:
        peer.sendall(b"HELO script\r\n" + ONE * 2 + b"QUIT\r\n")
        check(codes(read_on(peer)) == [220, 250] + [250, 250, 354, 250] * 2 + [221], "two mails, nothing closed")
    bench.arrives("nothing closed"), bench.arrives("nothing closed")
    bench.relay.stop()
    inside_tls()


def inside_tls():
    """The same inside TLS: close_notify ends one direction (RFC 8446 §6.1)."""
    chain, key = FOLDER / "listener.pem", FOLDER / "listener.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
         "-keyout", key, "-out", chain], check=True, capture_output=True)
    bench = Bench("halfclosed-tls", listener=f'tls = "implicit"\ncertificate-file = "{chain}"\nkey-file = "{key}"')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with bench.connect() as peer:
        def pump(action):
            while True:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    peer.sendall(outgoing.read())
                    piece = peer.recv(65_536)
                    incoming.write(piece) if piece else incoming.write_eof()
        pump(tls.do_handshake)
        pump(lambda: tls.write(b"HELO script\r\n" + ONE * 2 + b"QUIT\r\n"))
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        peer.sendall(outgoing.read())
        heard = b""
        try:
            while b"221 " not in heard and (piece := pump(lambda: tls.read(65_536))):
                heard += piece
        except ssl.SSLError:
            pass
    check(codes(heard) == [220, 250] + [250, 250, 354, 250] * 2 + [221], f"inside TLS: {codes(heard)}")
    bench.arrives("inside TLS"), bench.arrives("inside TLS")
    bench.relay.stop()
