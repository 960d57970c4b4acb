"""Tokens made from a key file, and HTTP over sockets that nothing corrects."""

import base64
import collections
import hmac
import re
import socket
import urllib.parse


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
Key = collections.namedtuple("Key", "id secret")


# MARK: Tokens

def read_key(path):
    """The key that signs: the last active one."""
    words = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    number, _, _, secret = [word for word in words if word[1] == "active"][-1]
    return Key(int(number), bytes.fromhex(secret))


def varint(number):
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(octets + bytes([number]))


def signed(key, kind, message, recipient, link=None, target=b""):
    """A token's octets; `kind` is o or c."""
    content = bytes([1, key.id]) + message + varint(recipient)
    if kind == "c":
        content += varint(link) + target
    return content + hmac.digest(key.secret, kind.encode() + content, "sha256")[:16]


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def click_path(key, message, recipient, link, target):
    return "/c/" + encoded(signed(key, "c", message, recipient, link, target))


def open_path(key, message, recipient):
    return "/o/" + encoded(signed(key, "o", message, recipient)) + ".gif"


# MARK: HTTP

class Answer:
    def __init__(self, lines, body):
        self.line = lines[0].decode("latin-1").strip()
        self.status = int(lines[0].split()[1])
        self.list = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1)) for line in lines[1:]]
        self.fields = {name.lower(): value for name, value in self.list}
        self.head = b"".join(lines)
        self.body = body

    @property
    def location(self):
        return self.fields.get("location")

    @property
    def shape(self):
        """All that may tell one answer from another, without the time."""
        return self.line, sorted(pair for pair in self.list if pair[0].lower() not in ("date", "connection")), self.body


def read_answer(stream, method="GET"):
    lines = []
    while (line := stream.readline(65_536)) != b"\r\n":
        # A line of the head that ends otherwise is one that a client may split in another place.
        if not line.endswith(b"\r\n") or lines and b":" not in line:
            raise ConnectionError(f"no line of a head: {line[:200]!r}")
        lines.append(line)
    answer = Answer(lines, b"")
    if method != "HEAD" and answer.status not in (204, 304):
        length = answer.fields.get("content-length")
        answer.body = stream.read(int(length) if length else -1)
    return answer


class Connection:
    def __init__(self, port, seconds=10):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.stream = self.socket.makefile("rb")
        self.host = f"127.0.0.1:{port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, path, method="GET", fields=(), body=b"", host=None, version="1.1"):
        head = f"{method} {path} HTTP/{version}\r\nHost: {host or self.host}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        if body:
            head += f"Content-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def ask(self, path, method="GET", **more):
        self.send(path, method, **more)
        return read_answer(self.stream, method)


def ask(port, path, method="GET", fields=(), **more):
    with Connection(port) as connection:
        return connection.ask(path, method, fields=[*fields, ("Connection", "close")], **more)


def talk(port, octets, seconds=15):
    """What is said to these octets until the other side closes, and whether it does."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        try:
            peer.sendall(octets)
        except OSError:
            pass   # refused while it was being said; the answer may be there nevertheless
        try:
            while piece := peer.recv(65_536):
                received += piece
        except TimeoutError:
            return received, False
        except OSError:
            pass
    return received, True


def statuses(octets):
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", octets, re.M)]


def form(**values):
    return urllib.parse.urlencode(values).encode()
