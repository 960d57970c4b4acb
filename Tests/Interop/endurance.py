import base64
import collections
import re
import smtplib
import subprocess
import sys
import threading
import time

from lab import FOLDER, ROOT, FakeUpstream, Relay, check, wait_until

TRACE = base64.b64encode(b'{"TagName":"Test","OpenTrace":"1","LinkTrace":"1"}').decode()
MAILS, CONNECTIONS, MOST_MIB = 10_000, 50, 150


def newsletter(number):
    """About 20 KB of HTML with 20 links."""
    rows = "".join(
        f'<tr><td><a href="https://shop.example/item/{i}?mail={number}&amp;sku={i:08d}">Item {i}</a>'
        f'<p>{"Lorem ipsum dolor sit amet, consetetur. " * 20}</p></td></tr>\r\n' for i in range(20))
    return (f"From: news@shop.example\r\nTo: u{number}@customer.example\r\nSubject: number {number}\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/html; charset=UTF-8\r\nX-AliDM-Trace: {TRACE}\r\n\r\n"
            f"<html><body><table>\r\n{rows}</table></body></html>\r\n").encode()


def send_share(relay, numbers, failures):
    try:
        with smtplib.SMTP("127.0.0.1", relay.smtp, timeout=120) as client:
            for number in numbers:
                client.sendmail("news@shop.example", [f"u{number}@customer.example"], newsletter(number))
    except Exception as error:
        failures.append(f"{numbers[0]}: {error!r}")


def memory(process, field):
    status = open(f"/proc/{process.pid}/status").read()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def load():
    print(f"{MAILS} mails from {CONNECTIONS} connections")
    upstream = FakeUpstream()
    relay = Relay("load", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"')
    failures = []
    threads = [threading.Thread(target=send_share, args=(relay, range(start, MAILS, CONNECTIONS), failures))
               for start in range(CONNECTIONS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"each was answered 250, in {time.monotonic() - begin:.1f} s {failures[:3]}")
    wait_until(lambda: len(upstream.numbers()) >= MAILS, "arrival of all", seconds=300)
    print(f"  all arrived after {time.monotonic() - begin:.1f} s")
    wait_until(lambda: relay.run("queue", "list").stdout.startswith("0 in the queue"), "an empty queue")
    seen = collections.Counter()
    for path in upstream.box.glob("*.eml"):
        content = path.read_bytes()
        seen[int(re.search(rb"Subject: number (\d+)\r\n", content)[1])] += 1
        tail = b"".join(content[-400:].replace(b"=\r\n", b"").split())
        if b"</html>" not in tail or b"/o/" not in tail:
            sys.exit(f"FAILED: {path} is not whole")
    check(set(seen) == set(range(MAILS)), f"none is lost: {len(seen)}")
    check(max(seen.values()) == 1, "none came twice")
    peak = memory(relay.process, "VmHWM")
    check(peak < MOST_MIB, f"the relay's memory peaked at {peak:.0f} MiB")
    relay.stop()
    upstream.process.terminate()


def full_disk():
    print("a disk fills up")
    disk = FOLDER / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", disk], check=True)
    try:
        upstream = FakeUpstream("disk-upstream")
        relay = Relay("full", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"',
                      data=disk / "data")
        with smtplib.SMTP("127.0.0.1", relay.smtp) as client:
            client.sendmail("a@shop.example", ["b@c.example"], b"Subject: first\r\n\r\nx\r\n")
            upstream.take(1)
            with open(disk / "filler", "wb") as filler:
                filler.write(b"\0" * (60 << 20))
            time.sleep(1.1)   # the guard looks at most once a second
            for content in (b"Subject: second\r\n\r\nx\r\n", b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" * 400_000):
                try:
                    client.sendmail("a@shop.example", ["b@c.example"], content)
                    sys.exit("FAILED: mail was taken that there is no room for")
                except smtplib.SMTPDataError as error:
                    words = error.smtp_error.decode()
                    check(error.smtp_code == 452 and "4.3.1" in words and "MiB needed" in words, f"452 {words}")
            ready = subprocess.run(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{relay.web}/readyz"],
                capture_output=True, text=True).stdout
            check(ready == "503", f"/readyz says {ready}")
            (disk / "filler").unlink()
            time.sleep(1.1)
            client.sendmail("a@shop.example", ["b@c.example"], b"Subject: third\r\n\r\nx\r\n")
            content, _ = upstream.take(2)
            check(b"Subject: third" in content, "with room again mail is taken again, without a restart")
        relay.stop()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def unit_file():
    print("systemd's own look at the unit file")
    unit = ROOT / "systemd/tracerelay.service"
    result = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit],
                            capture_output=True, text=True)
    exposure = float(re.search(r"exposure level for .*: ([0-9.]+)", result.stdout)[1])
    check(exposure <= 2.0, f"exposure level {exposure}")


unit_file()
full_disk()
load()
