"""Who may see the console, and what another site cannot do to it."""

import base64
import json
import re
import secrets
import subprocess
import sys
import time

from lab import COMMAND, FOLDER, check, wait_until
from page import Page
from service import Service, letter, scripted, submit, upstream_lines
from wire import ask, form

PAGES = ("/", "/feed", "/messages", "/queue", "/tags/Test", "/health", "/live")


def made_hash(password):
    result = subprocess.run(
        [COMMAND, "password", "admin"], input=password + "\n", capture_output=True, text=True, check=True)
    return result.stdout.strip().removeprefix("admin:")


def access():
    print("who may see the console")
    upstream = scripted("access-upstream", [
        {"at": "RCPT", "address": "wait@mail.test", "action": "reply", "reply": "451 4.3.0 later"}])
    open_console_off_loopback(upstream)
    open_console(upstream)
    locked_console(upstream)


def open_console_off_loopback(upstream):
    config = FOLDER / "open.conf"
    config.write_text(f"""\
data-directory = "{FOLDER}/open-data"
[upstream.default]
{upstream_lines(upstream)}
[tracking]
base-url = "https://track.example.test"
[web]
address = "0.0.0.0:0"
""")
    result = subprocess.run([COMMAND, "check-config", "--config", config], capture_output=True, text=True)
    words = result.stdout + result.stderr
    check(result.returncode == 78, f"a console off loopback without a password: exit {result.returncode}")
    check("password-hash" in words and "token-hash" in words and re.search(r"open\.conf:8:\d+", words), words.strip())


def policy(answer):
    """Content-Security-Policy: sources by directive."""
    directives = [part.split() for part in answer.fields.get("content-security-policy", "").split(";") if part.strip()]
    return {words[0].lower(): set(words[1:]) for words in directives}


def check_policies(port, paths, fields=()):
    for path in paths:
        answer = ask(port, path, fields=fields)
        directives = policy(answer)
        # A frame may show the console's mails and go nowhere else, not even to a tracked link of the same host.
        frames = directives.pop("frame-src", set())
        loose = {name: sources for name, sources in directives.items() if not sources <= {"'self'", "'none'"}}
        if not frames <= {f"127.0.0.1:{port}/messages/", "'none'"}:
            loose["frame-src"] = frames
        if not directives.get("default-src") or loose or answer.status != 200:
            sys.exit(f"FAILED: {path}: {answer.head}")
        if Page(answer.body.decode()).harm:
            sys.exit(f"FAILED: {path}: {Page(answer.body.decode()).harm}")
    check(True, f"{len(paths)} pages: default-src 'self', and nothing looser")


def held(relay, queue_id, fields=()):
    return json.loads(ask(relay.web, f"/api/v1/queue/{queue_id}", fields=fields).body)["held"]


def page_token(relay, path="/queue", fields=()):
    """What the forms of a page bring along."""
    forms = Page(ask(relay.web, path, fields=fields).body.decode()).forms
    return next(inputs["csrf"]["value"] for _, inputs in forms if "csrf" in inputs)


def check_forms(relay, queue_id, fields=()):
    """Nothing but a form of this console's own page changes the queue."""
    token = page_token(relay, fields=fields)
    own = ("Origin", f"http://127.0.0.1:{relay.web}")
    typed = ("Content-Type", "application/x-www-form-urlencoded")
    wrong_at = [token[:place] + ("0" if letter != "0" else "1") + token[place + 1:]
                for place, letter in enumerate(token)]
    wrong = wrong_at[0]
    action = f"/queue/{queue_id}/hold"
    for name, path, more, body in (
            ("no token", action, [own], b"x=1"), ("an empty token", action, [own], form(csrf="")),
            ("a wrong token", action, [own], form(csrf=wrong)),
            ("a token in the address", f"{action}?csrf={token}", [own], b"x=1"),
            ("no token, all mails", "/queue/all/hold", [own], b"x=1"),
            ("a wrong token, delete", f"/queue/{queue_id}/delete", [own], form(csrf=wrong)),
            ("another site's Origin", action, [("Origin", "https://evil.test")], form(csrf=token)),
            ("no site's Origin", action, [("Origin", "null")], form(csrf=token)),
            ("an Origin that begins like ours", action, [(own[0], own[1] + ".evil.test")], form(csrf=token)),
            ("Sec-Fetch-Site: cross-site", action, [("Sec-Fetch-Site", "cross-site")], form(csrf=token)),
            ("the API from another site", f"/api/v1{action}", [("Origin", "https://evil.test")], form(csrf=token)),
            ("the API from a page of another host", f"/api/v1{action}", [("Sec-Fetch-Site", "same-site")], b"x=1")):
        answer = ask(relay.web, path, "POST", fields=[*fields, *more, typed], body=body)
        check(answer.status == 403 and not answer.location, f"{name}: {answer.line}")
    taken = [value for value in wrong_at if ask(
        relay.web, action, "POST", fields=[*fields, own, typed], body=form(csrf=value)).status != 403]
    check(not taken, f"a token that is wrong in one place, each in turn {taken[:1]}")
    answer = ask(relay.web, f"/api/v1/queue/{queue_id}", "DELETE", fields=[*fields, ("Origin", "https://evil.test")])
    check(answer.status == 403, f"DELETE from another site: {answer.line}")
    check(not held(relay, queue_id, fields), "nothing was done to the mail")
    answer = ask(relay.web, action, "POST", fields=[*fields, own, typed, ("Sec-Fetch-Site", "same-origin")],
                 body=form(csrf=token))
    check(answer.status in (302, 303) and answer.location.startswith("/queue"), f"the page's own form: {answer.line}")
    check(held(relay, queue_id, fields), "and the mail is held")


def check_frames(relay, message, fields=()):
    page = Page(ask(relay.web, f"/messages/{message}", fields=fields).body.decode())
    check(len(page.frames) == 2 and not page.harm, "the mail's HTML is shown in frames that are sandboxed")
    for frame in page.frames:
        answer = ask(relay.web, frame["src"], fields=fields)
        directives = policy(answer)
        check(answer.status == 200 and b"<script>" in answer.body, f"{frame['src'][-14:]}: the mail as it is")
        check("sandbox" in directives and not directives["sandbox"] & {
            "allow-scripts", "allow-same-origin", "allow-forms", "allow-popups", "allow-top-navigation"},
            "its own policy is a sandbox without scripts")
        loose = {name: sources for name, sources in directives.items()
                 if name not in ("sandbox", "frame-ancestors") and not sources <= {"'none'", "data:"}
                 and (name, sources) != ("style-src", {"'unsafe-inline'"})}
        check(directives["default-src"] == {"'none'"} and not loose, f"and nothing is fetched {loose}")


def open_console(upstream):
    relay = Service("open", upstream_lines(upstream), patient=True)
    queue_id, _ = submit(relay, ["wait@mail.test"], letter())
    message = relay.mail(queue_id, "deferred")["mail"]["message"]
    pages = [path for path in PAGES if path != "/live"] + [f"/messages/{message}", f"/messages/{queue_id}"]
    check_policies(relay.web, pages)
    for path in (*PAGES, "/api/v1/events", "/api/v1/queue", "/metrics", f"/messages/{message}/html/sent"):
        for host in ("evil.test", f"evil.test:{relay.web}", "127.0.0.1.evil.test", "localhost.evil.test",
                     "127.evil.test"):
            answer = ask(relay.web, path, host=host)
            if answer.status not in (400, 403, 421) or b"<nav" in answer.body or queue_id.encode() in answer.body:
                sys.exit(f"FAILED: {path} of Host {host}: {answer.head}")
    check(True, "a name that somebody made lead here sees no page, no API, no metrics")
    for host in (f"localhost:{relay.web}", f"127.0.0.1:{relay.web}", "localhost", f"[::1]:{relay.web}"):
        check(ask(relay.web, "/", host=host).status == 200, f"Host {host} sees the overview")
    path, _ = relay.fresh_link()
    check(ask(relay.web, path, host="track.example.test").status == 302, "links work under any name")
    check_forms(relay, queue_id)
    check_frames(relay, message)
    relay.stop()


def locked_console(upstream):
    password, token = "correct horse battery", secrets.token_urlsafe(24)
    relay = Service(
        "locked-console", upstream_lines(upstream), patient=True,
        web=f'address = "0.0.0.0:0"\npassword-hash = "{made_hash(password)}"\ntoken-hash = "{made_hash(token)}"\n')
    bearer = ("Authorization", f"Bearer {token}")
    for path in (*PAGES, "/messages/0123456789abcdef0123"):
        answer = ask(relay.web, path)
        check(answer.status in (302, 303) and answer.location == "/login" and b"<nav" not in answer.body,
              f"{path}: {answer.line} to {answer.location}")
    for path in ("/api/v1/events", "/api/v1/queue", "/api/v1/openapi.json", "/metrics"):
        answers = [ask(relay.web, path, fields=more).status for more in (
            [], [("Authorization", "Bearer wrong")], [("Authorization", f"Bearer {password}")],
            [("Authorization", "Bearer ")],
            [("Authorization", "Basic " + base64.b64encode(f"admin:{token}".encode()).decode())],
            [("Cookie", "tracerelay_session=1.0")], [bearer])]
        check(answers == [401] * 6 + [200], f"{path}: {answers}, the last with the token")
    answer = ask(relay.web, "/api/v1/queue/all/retry", "POST", body=b"x")
    check(answer.status in (401, 404), f"POST to the API without a token: {answer.line}")
    path, _ = relay.fresh_link()
    check(ask(relay.web, path).status == 302, "links need no login")

    login = ask(relay.web, "/login")
    _, inputs = next(entry for entry in Page(login.body.decode()).forms if "password" in entry[1])
    values = {name: field.get("value", "") for name, field in inputs.items()}
    check(inputs["password"]["type"] == "password" and policy(login).get("default-src") == {"'self'"},
          "the page to log in")
    origin = ("Origin", f"http://127.0.0.1:{relay.web}")
    typed = ("Content-Type", "application/x-www-form-urlencoded")

    def log_in(password):
        return ask(relay.web, "/login", "POST", fields=[origin, typed], body=form(**{**values, "password": password}))
    for wrong in ("wrong", "", token, password + " ", password.upper()):
        answer = log_in(wrong)
        check(answer.status in (401, 403) and "set-cookie" not in answer.fields,
              f"password {wrong[:10]!r}: {answer.line}")
    answer = log_in(password)
    check(answer.status in (302, 303) and answer.location == "/", f"the right one: {answer.line} to {answer.location}")
    # The other one only says that this browser was let in once.
    made = next(value for field, value in answer.list
                if field.lower() == "set-cookie" and value.startswith("tracerelay_session="))
    cookie, *attributes = [part.strip() for part in made.split(";")]
    check({"httponly", "samesite=strict"} <= {attribute.lower() for attribute in attributes}, f"a cookie: {attributes}")
    session = ("Cookie", cookie)
    check_policies(relay.web, [path for path in PAGES if path != "/live"], [session])
    check(ask(relay.web, "/api/v1/events", fields=[session]).status == 200, "the session sees the API")
    name, _, value = cookie.partition("=")
    end, _, code = value.partition(".")
    last = "0" if value[-1] != "0" else "1"
    for forged in (value[:-1] + last, value[:-1], f"{int(end) + 1}.{code}" if end.isdigit() else value[1:], "", "."):
        answer = ask(relay.web, "/", fields=[("Cookie", f"{name}={forged}")])
        check(answer.location == "/login", f"a forged cookie ({forged[:20]}): {answer.line} to {answer.location}")

    # A comparison that forgets what it saw takes such a code for one session in thirty.
    begin = int(time.time()) + 3_600
    forged = [f"{begin + number}.{letter * len(code)}" for number in range(100) for letter in "!0f"]
    forged += [f"{begin + number}.{secrets.token_hex(len(code) // 2)}" for number in range(300)]
    let_in = [value for value in forged
              if ask(relay.web, "/queue", fields=[("Cookie", f"{name}={value}")]).status == 200]
    check(not let_in, f"nor do {len(forged)} sessions with codes that are made up {let_in[:1]}")

    queue_id, _ = submit(relay, ["wait@mail.test"], letter())
    wait_until(lambda: ask(relay.web, f"/api/v1/queue/{queue_id}", fields=[session]).status == 200, "the mail waits")
    action = f"/queue/{queue_id}/hold"
    answer = ask(relay.web, action, "POST", fields=[origin, typed], body=form(csrf=page_token(relay, fields=[session])))
    check(answer.status in (302, 303, 401, 403) and answer.location in (None, "/login"), f"no session: {answer.line}")
    answer = ask(relay.web, action, "POST", fields=[session, origin, typed], body=form(csrf=values.get("csrf", "")))
    check(answer.status == 403, f"a session with the token of the page to log in: {answer.line}")
    check_forms(relay, queue_id, [session])
    answer = ask(relay.web, f"/api/v1/queue/{queue_id}/release", "POST", fields=[bearer])
    check(answer.status == 200 and not held(relay, queue_id, [bearer]), f"a program with the token: {answer.line}")
    check(password not in relay.log() and token not in relay.log(), "neither password nor token is in the log")
    relay.stop()
