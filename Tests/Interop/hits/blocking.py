"""The block list, changed while the service runs."""

import os
import re
import secrets
import sys

from lab import FOLDER, FakeUpstream, check, wait_until
from page import Page
from service import Service, letter, submit, upstream_lines
from wire import ask, click_path, open_path


def blocklist():
    print("links are turned off while the service runs")
    upstream = FakeUpstream("blocklist-upstream")
    path = FOLDER / "block-list"
    path.write_text("# nothing yet\n")
    relay = Service("blocklist", upstream_lines(upstream), tracking=f'block-list-file = "{path}"')
    queue_id, _ = submit(relay, ["ann@mail.test"], letter())
    tagged = bytes.fromhex(relay.mail(queue_id, "sent")["mail"]["message"])
    message = secrets.token_bytes(10)
    shop = b"https://www.example.test/"
    links = {name: click_path(relay.key, id, 0, 0, target) for name, id, target in (
        ("message", message, shop), ("tag", tagged, shop),
        ("host", secrets.token_bytes(10), b"https://a.blocked.test/b"),
        ("other", secrets.token_bytes(10), shop))}

    def is_off(name):
        answer = ask(relay.web, links[name])
        if answer.status == 410:
            if answer.location or not answer.fields["content-type"].startswith("text/html") or Page(
                    answer.body.decode()).harm or b"example.test" in answer.body or b"blocked.test" in answer.body:
                sys.exit(f"FAILED: the page of a blocked link: {answer.head} {answer.body}")
            return True
        if answer.status != 302 or not answer.location:
            sys.exit(f"FAILED: a link under the block list: {answer.head}")
        return False

    def write(*lines):
        # As editors do: the whole file anew, under its name at once.
        new = path.with_suffix(".new")
        new.write_text("".join(line + "\n" for line in lines))
        os.replace(new, path)

    check(not any(map(is_off, links)), "an empty list turns nothing off")
    for name, line in {"message": f"message {message.hex()}", "host": "host *.blocked.test", "tag": "tag Test"}.items():
        write("# turned off for now", "", line)
        wait_until(lambda: is_off(name), f"{line} in force", seconds=5)
        others = [other for other in links if other != name and is_off(other)]
        check(not others, f"{line}: 410, and no other link is off {others}")
        # An empty file is taken for trouble: the last good list stays in force.
        path.write_text("# nothing any more\n")
        wait_until(lambda: not is_off(name), f"{line} out of force", seconds=5)
        check(True, "without the line the link is back")
    write(f"key {relay.key.id}")
    wait_until(lambda: all(map(is_off, links)), "key in force", seconds=5)
    check(True, f"key {relay.key.id}: all its links are off")
    write(f"key {relay.key.id ^ 0x80}")
    wait_until(lambda: not any(map(is_off, links)), "another key in force", seconds=5)
    check(True, "another key's line: they are back")

    write("host *.blocked.test")
    wait_until(lambda: is_off("host"), "the host's line in force", seconds=5)
    mark = relay.log_size()
    write("host www.example.test", "# next comes nonsense", "frobnicate everything", "tag Test")

    def complaint():
        place = re.escape(path.name) + r"\W{1,3}(line )?3\b"
        return next((line for line in relay.log(mark).splitlines() if re.search(place, line)), None)
    line = wait_until(complaint, "a word about the broken file", seconds=5)
    check(True, f"a broken file: {line[line.index(path.name):]}")
    check(is_off("host") and not any(is_off(name) for name in links if name != "host"), "the old list stays in force")
    path.unlink()
    write("host www.example.test")
    wait_until(lambda: is_off("other") and not is_off("host"), "the mended file in force", seconds=5)
    check(True, "the mended file is in force")
    check(ask(relay.web, open_path(relay.key, message, 0)).status == 200, "pixels are not turned off")
    relay.stop()
