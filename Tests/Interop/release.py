"""README's release build on a machine without Swift. The command is built as the README says, into .build, unless
TRACERELAY names one that was."""

import atexit
import base64
import json
import os
import pathlib
import re
import shlex
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534
CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
# Where README's lines install to; what they need there by themselves is whatever Debian has from the start.
BARE = pathlib.Path(tempfile.mkdtemp(prefix="tracerelay-bare-"))


def remove():
    subprocess.run(["umount", "--recursive", "--lazy", BARE], check=False)
    BARE.rmdir()


atexit.register(remove)
TRACE = base64.b64encode(b'{"TagName":"Test","OpenTrace":"1","LinkTrace":"1"}').decode()


def run_it():
    """The lines of the README's "Run it" block."""
    text = (SOURCE / "README.md").read_text().split("\n## Run it\n", 1)[1]
    return [line.strip() for line in text.split("\n\n", 1)[0].splitlines()]


def packages():
    """The packages that the README says the binary needs."""
    text = (SOURCE / "README.md").read_text()
    words = re.search(r"The binary needs no Swift where it runs, only (.*?)\.\s", text, re.S)
    return re.findall(r"`(\S+)`", words[1])


def closure(names):
    """They and what they need, of what is installed here; of alternatives whichever is."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        answer = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Pre-Depends}, ${Depends}", name],
                                capture_output=True, text=True)
        # Of one whose name says which machine it is for there are two names.
        if name in found or answer.returncode != 0 or not answer.stdout.startswith("installed "):
            continue
        found.add(name)
        todo += re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", answer.stdout.split(" ", 1)[1])
    return found


def copy_packages(names):
    for folder in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "tmp", "proc", "dev", "var/lib"]:
        (BARE / folder).mkdir(parents=True, exist_ok=True)
    for link in ["bin", "sbin", "lib", "lib64"]:
        (BARE / link).symlink_to("usr/" + link)
    for name in sorted(names):
        for line in subprocess.run(
                ["dpkg-query", "-L", name], check=True, capture_output=True, text=True).stdout.splitlines():
            source = pathlib.Path(line)
            if source.is_dir() and not source.is_symlink() or not os.path.lexists(source) or "/doc/" in line:
                continue
            target = BARE / str(source.parent.resolve())[1:] / source.name
            if os.path.lexists(target):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    # What their scripts make at the installation.
    subprocess.run(["ldconfig", "-r", BARE], check=True)
    if "ca-certificates" in names:
        shutil.copytree("/etc/ssl/certs", BARE / "etc/ssl/certs", symlinks=True, dirs_exist_ok=True)


def install():
    """README's block, its folders being those of `BARE`; here is no systemd to enable anything in."""
    for line in run_it():
        if line.startswith("swift build"):
            if "TRACERELAY" not in os.environ:
                print(" ", line, flush=True)
                subprocess.run(shlex.split(line), cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
            continue
        built = os.environ.get("TRACERELAY", ".build/release/tracerelay")
        if line.startswith("sudo install -s "):
            line = line.replace(".build/release/tracerelay", shlex.quote(str(built)))
            (BARE / "etc/systemd/system").mkdir(parents=True)
        line = re.sub(r"(?<= )/(?=usr/|etc/)", f"{BARE}/", line.replace("sudo ", ""))
        print(" ", line, flush=True)
        subprocess.run(["bash", "-euc", line], cwd=SOURCE, check=True)


# All of it goes with this script: `release.sh` gives it a namespace of mounts.
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", BARE], check=True)
COPIED = closure(packages())
copy_packages(COPIED)
install()
# lab.py takes the command from the environment: here one that runs the installed binary in its folder.
wrapper = BARE / "tracerelay"
wrapper.write_text(f"""\
#!/bin/sh
exec env -i {CHROOT} --userspec={NOBODY}:{NOBODY} {BARE} /usr/bin/tracerelay "$@"
""")
wrapper.chmod(0o755)
os.environ["TRACERELAY"] = str(wrapper)
# What lab.py makes is for the other user to write to.
os.umask(0)
from lab import COMMAND, FOLDER, FakeUpstream, Relay, check, children, wait_until  # noqa: E402


def as_root(*arguments):
    return subprocess.run(["env", "-i", CHROOT, BARE, "/usr/bin/tracerelay", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def binary():
    path = BARE / "usr/bin/tracerelay"
    print(f"the binary: {path.stat().st_size / 2**20:.1f} MiB, in a folder of {len(COPIED)} packages: "
          f"{' '.join(sorted(COPIED))}")
    dynamic = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic)
    check(set(paths) <= {"$ORIGIN"}, f"it looks for libraries where the system has them, or beside itself: {paths}")
    libraries = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    owners = {library: [name for name in COPIED for line in subprocess.run(
        ["dpkg-query", "-L", name], capture_output=True, text=True).stdout.splitlines() if line.endswith("/" + library)]
        for library in libraries}
    check(all(owners.values()), f"each library is one of theirs: {owners}")
    check(".symtab" not in subprocess.run(["readelf", "-SW", path], check=True, capture_output=True, text=True).stdout,
          "it is stripped")


def configuration():
    print("what the README's lines leave behind")
    answer = as_root("check-config")
    check(answer.returncode == 78 and "/etc/tracerelay/password" in answer.stderr + answer.stdout,
          f"check-config asks for the password: {(answer.stderr + answer.stdout).strip()}")
    (BARE / "etc/tracerelay/password").write_text("secret\n")
    answer = as_root("check-config")
    check(answer.returncode == 0, f"with one the example stands: {answer.stdout.splitlines()[:1]}")
    check("certificate" not in answer.stderr, "and the system's authorities are found")


def mail():
    print("a mail, from SMTP to the figures")
    upstream = FakeUpstream()
    relay = Relay("relay", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"')
    status = pathlib.Path(f"/proc/{relay.process.pid}/status").read_text()
    check(re.search(rf"^Uid:\t{NOBODY}\s", status, re.M), "the service is nobody's")
    check(not pathlib.Path(f"/proc/{relay.process.pid}/environ").read_bytes(), "its environment is empty")
    maps = pathlib.Path(f"/proc/{relay.process.pid}/maps").read_text()
    check("swift" not in re.sub(r"\S*/usr/bin/tracerelay", "", maps), "it has loaded nothing of Swift's")
    with smtplib.SMTP("127.0.0.1", relay.smtp) as client:
        client.sendmail("a@shop.example", ["b@c.example"], (
            f"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-AliDM-Trace: {TRACE}\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/html; charset=gbk\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode()
            + '<p>您的订单<a href="https://shop.example/1">看</a></p>\r\n'.encode("gbk"))
    content, transaction = upstream.take(1)
    check(transaction["tls"], f"it went over {transaction['tls']}")
    plain = content.replace(b"=\r\n", b"").replace(b"=3D", b"=")
    # The second is for readers alone.
    [_, port] = re.findall(r"listening http=\S+:(\d+)", relay.log())
    pixel, link = (re.search(pattern, plain)[0].decode() for pattern in [rb"/o/[^\"]+", rb"/c/[^\"]+"])
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

    def get(path, opener=urllib.request.build_opener()):
        return opener.open(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=agent), timeout=60)
    check(get(pixel).read(6) == b"GIF89a", "its pixel is there")

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None
    try:
        get(link, urllib.request.build_opener(Stay))
        sys.exit("FAILED: the link does not redirect")
    except urllib.error.HTTPError as answer:
        check(answer.headers["Location"] == "https://shop.example/1", f"its link leads on: {answer.code}")

    def counted():
        # Before the first event is stored there is nothing to report on.
        lines = [json.loads(line) for line in relay.run("report", "--json").stdout.splitlines()]
        # Who comes so soon is a machine's; on a slow machine it was not so soon.
        return any(line["tag"] == "Test" and line["sent"] == 1 and line["human"] + line["scanner"] == 2
                   for line in lines)
    check(wait_until(counted, "two hits in the report", 60), "report counts delivery, pixel and link")
    listed = relay.run("queue", "list")
    check(listed.stdout.startswith("0 in the queue"), f"queue list: {listed.stdout.strip()}")
    relay.stop()
    upstream.process.terminate()


def demo():
    print("the demo, and the line it prints to be pasted")
    ports = iter([2525, 8025])
    process = subprocess.Popen([COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    children.append(process)
    text = ""
    while "Ctrl-C ends the demo." not in text:
        line = process.stdout.readline()
        if not line:
            sys.exit(f"FAILED: the demo ended (are the ports {list(ports)} free?):\n{text}")
        text += line
    command = re.search(r"^ *printf .*?-T -$", text, re.M | re.S)[0]
    subprocess.run(["bash", "-euc", command], check=True)
    arrived = process.stdout.readline()
    check("arrived upstream" in arrived, arrived.strip())
    process.terminate()
    check(process.wait(60) == 0, "it ends")


(BARE / "dev/null").touch()
# Who listens to syslog hears what libraries say behind the log's back.
syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
syslog.bind(str(BARE / "dev/log"))
(BARE / "tmp").chmod(0o1777)
FOLDER.chmod(0o777)
for path in [pathlib.Path("/proc"), pathlib.Path("/dev/null"), FOLDER]:
    inside = BARE / str(path)[1:]
    if path.is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", path, inside], check=True)
begin = time.monotonic()
binary()
configuration()
mail()
demo()
try:
    sys.exit(f"FAILED: syslog was told {syslog.recv(1024)}")
except BlockingIOError:
    check(True, "syslog was told nothing")
print(f"  in {time.monotonic() - begin:.1f} s")
