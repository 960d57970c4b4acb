"""The console as people meet it, in headless Chromium.

browser.py [PART…]: walk message pages queue scripts, all in this order without any; `walk` always, for its mail.
"""

import email
import email.policy
import os
import re
import subprocess
import sys
import time

from chromium import DESKTOP, PHONE, Browser
from days import journal
from lab import COMMAND, FOLDER, check, wait_until
from services import Demo, Site, Waiting, ask, letter, send

SECONDS = 6             # "a few"
NARROW = (320, 640)     # 640 px at 200 %, 1280 px at 400 % (WCAG 1.4.10)
PASSWORD = "correct horse battery"
# The hour at which this runs must not matter: it is evening, and what is of today stays so.
os.environ["TZ"] = f"LAB{(time.gmtime().tm_hour - 18) % 24}"
time.tzset()


def agree(defects, words):
    """No defect found."""
    check(not defects, f"{words}: " + "; ".join(map(str, defects[:12])) if defects else words)


# MARK: From the mail to the click

# Notes when a row comes into the feed.
OBSERVE = """
window.arrivals = [];
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    if (node.localName === "tr") window.arrivals.push([Date.now(), node.innerText]);
  }
}).observe(document.getElementById("feed").tBodies[0], { childList: true });
"""


def figure(browser, name):
    """A figure of the overview, without yesterday's; from the page as it stands."""
    return browser.run("""
        const term = [...document.querySelectorAll('.figures dt')].find((dt) => dt.textContent === arguments[0]);
        return term?.nextElementSibling.firstChild.textContent.trim()""", name)


def walk(lab):
    browser, demo, site = lab.browser, lab.demo, lab.site
    browser.open(demo.url + "/")
    overview = browser.driver.current_window_handle
    wait_until(lambda: browser.words("#live").startswith("Live"), "the feed says that it is live", SECONDS)
    browser.run(OBSERVE)
    is_empty = figure(browser, "Accepted") == "0" and "No events yet" in browser.words("#feed")
    check(is_empty, "the overview is empty at first")
    browser.screenshot("overview-empty-light")
    target = site.url("/offers?a=1&b=2")
    link = f'<a href="{target.replace("&", "&amp;")}">Offers</a>'
    lab.mail = send(demo.smtp, letter(f"<html><body><p>Good day</p><p>{link}</p></body></html>", demo.trace))
    wait_until(lambda: figure(browser, "Accepted") == figure(browser, "Sent") == "1", "Accepted and Sent", SECONDS)
    row = browser.words("#feed tbody tr:first-child")
    check("ann@customer.example" in row, "the sent mail is on the overview, unasked")
    printed = demo.printed("/c/", "the demo prints the mail's links")
    # The letter goes to a webmail, whose page is the HTML as it was sent.
    source = ask(f"{demo.url}/messages/{lab.mail}/sent")
    sent = email.message_from_string(source, policy=email.policy.default)
    site.pages["/inbox"] = "text/html; charset=utf-8", sent.get_content()
    check(re.search(r"http\S+/c/\S+", printed)[0] in sent.get_content(), "they are those in the HTML as it was sent")
    delivered = next(event["time"] for event in demo.events() if event["kind"] == "delivery")
    # What comes within two seconds is a mail filter's.
    wait_until(lambda: time.time() * 1000 > delivered + 2_050, "two seconds after the delivery")
    reader = browser.new_window()
    browser.open(site.url("/inbox", "webmail.example"))
    browser.driver.switch_to.window(overview)
    wait_until(lambda: figure(browser, "Opens") == "1", "the open in the figures", SECONDS)
    check("open · human" in browser.words("#feed"), "the mail was opened in another window: the overview shows it")
    browser.driver.switch_to.window(reader)
    browser.click("a")
    wait_until(lambda: browser.words("h1") == "The shop", "the shop's page", SECONDS)
    check(browser.driver.current_url == target, f"the click leads to {target}")
    browser.driver.switch_to.window(overview)
    row = wait_until(lambda: browser.run("return arrivals.find(([, text]) => text.includes('click'))"),
                     "the click's row on the overview", SECONDS)
    latency = row[0] - site.requests["/offers?a=1&b=2"][0] * 1000
    check("click · human" in row[1] and "/offers?a=1&b=2" in row[1], "the click is on the overview, unasked")
    check(latency < 1_000, f"{latency:.0f} ms after the redirect")
    wait_until(lambda: figure(browser, "Unique clicks") == "1", "the click in the figures", SECONDS)
    rates = figure(browser, "Open rate"), figure(browser, "Click rate")
    check(rates == ("100.0 %", "100.0 %"), f"figures and rates follow {rates}")
    cells = browser.words("#figures tbody tr").split()
    check(cells[:4] == ["demo", "1", "1", "1"], f"the tag's row follows: {' '.join(cells)}")
    rows = browser.run("return [...document.querySelectorAll('#feed tbody tr')].map((row) => row.innerText)")
    browser.open(demo.url + "/")
    again = browser.run("return [...document.querySelectorAll('#feed tbody tr')].map((row) => row.innerText)")
    check(rows == again and len(rows) == 3, "rows that came by themselves are those of a fresh page")
    stay_put(lab)
    agree(browser.console_errors(), "the browser has nothing to complain of")


def stay_put(lab):
    """Live figures leave a reader's place alone: focus, and how far a table is scrolled."""
    browser, demo = lab.browser, lab.demo
    browser.look(PHONE)
    wait_until(lambda: browser.words("#live").startswith("Live"), "the feed says that it is live", SECONDS)
    browser.run("""document.querySelector('#figures .scroll').scrollLeft = 150;
                   document.querySelector('#figures tbody a').focus({ preventScroll: true })""")
    send(demo.smtp, letter("<html><body><p>Another</p></body></html>", demo.trace, "Another"))
    wait_until(lambda: figure(browser, "Sent") == "2", "figures that follow while they have the focus", SECONDS)
    place = browser.run("""return [document.activeElement.matches('#figures tbody a'),
                                   document.querySelector('#figures .scroll').scrollLeft]""")
    check(place == [True, 150], f"figures that follow leave focus and scrolling alone {place}")
    browser.look()


# MARK: The mail of strangers

STRANGER = """<html><head><link rel="stylesheet" href="{site}/c.css"><link rel="prefetch" href="{site}/d">
<style>@import url("{site}/a.css"); p {{ color: rgb(1, 2, 3); background: url({site}/b.png) }}</style>
<link rel="preload" as="image" href="{site}/e">
<meta http-equiv="refresh" content="0; url={site}/f"><base href="{site}/g/"></head><body>
<p id="words">A stranger's letter</p><p><a href="{site}/offers">Offers</a></p>
<img id="inside" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" alt="">
<img src="{site}/h.png" alt="" onerror="document.getElementById('words').textContent = 'SCRIPT'">
<picture><source srcset="{site}/i.png"><img src="{site}/j.png" alt=""></picture>
<video poster="{site}/k.png" src="{site}/l.mp4" autoplay></video><audio src="{site}/m.mp3" autoplay></audio>
<iframe src="{site}/n"></iframe><object data="{site}/o"></object><embed src="{site}/p">
<svg><image href="{site}/q.png"/></svg><input type="image" src="{site}/r.png" alt="">
<form action="{site}/s" id="form"></form>
<script>document.getElementById("words").textContent = "SCRIPT"; new Image().src = "{site}/t"; form.submit()</script>
<svg onload="document.getElementById('words').textContent = 'SCRIPT'"></svg>
<a id="away" href="javascript:top.location='{site}/u'" target="_top">away</a></body></html>"""


def message(lab):
    browser, demo, site = lab.browser, lab.demo, lab.site
    site.requests.clear()
    queue_id = send(demo.smtp, letter(STRANGER.format(site=site.url("")), demo.trace, "From a stranger"))
    wait_until(lambda: any(event["queueID"] == queue_id for event in demo.events()), "its delivery", SECONDS)
    before = len(demo.events())
    browser.open(f"{demo.url}/messages/{queue_id}")
    check("Subject: From a stranger" in browser.words("main").replace("\n", ": "), "a mail's page tells its subject")
    check("tracked under tag demo" in browser.words(".report"), "and the report of what was done")
    for summary in browser.all("main summary"):
        summary.click()
    frames = browser.all("main iframe")
    sandboxes = [frame.get_attribute("sandbox") for frame in frames]
    check(sandboxes == ["", ""], "two frames, with a sandbox that allows nothing")
    for frame in frames:
        name = frame.get_attribute("title")
        browser.run("arguments[0].scrollIntoView()", frame)
        browser.driver.switch_to.frame(frame)
        wait_until(lambda: browser.words("#words"), f"{name}: the letter", SECONDS)
        check(browser.words("#words") == "A stranger's letter", f"{name}: it is shown, and no script of it ran")
        check(browser.one("#words").value_of_css_property("color") == "rgba(1, 2, 3, 1)", f"{name}: in its own style")
        links = [link.get_attribute("href") for link in browser.all("a")]
        check(any("/c/" in link for link in links) == (name == "HTML as sent"), f"{name}: its links are {links[:1]}")
        browser.click("#away")
        browser.driver.switch_to.default_content()
    browser.screenshot("stranger-light")
    check(browser.driver.current_url == f"{demo.url}/messages/{queue_id}", "the page stays where it is")
    check(not site.requests, f"nothing was asked of the stranger's site {dict(site.requests)}")
    # A hit that comes after all that looking could have made: when it is stored, so is all before it.
    ask(re.search(r"http\S+/o/\S+?\.gif", site.pages["/inbox"][1])[0])
    wait_until(lambda: len(demo.events()) > before, "a hit that counts", SECONDS)
    check(len(demo.events()) == before + 1, "looking made no hit")
    # The browser tells what it kept the letter from.
    browser.console_errors()


# MARK: Every page

def look_at(lab, name, url, errors=()):
    """A page in all its dresses; `errors` are words of complaints that belong to it."""
    browser = lab.browser
    browser.look()
    browser.open(url)
    agree(browser.audit("structure") + browser.tree_defects(), f"{name}: structure, landmarks, names")
    wide = browser.audit("words")
    defects = []
    for scheme in ("light", "dark"):
        browser.look(scheme=scheme)
        browser.screenshot(f"{name}-{scheme}")
        defects += [f"{scheme}: {defect}" for defect in browser.audit("contrast")]
    agree(defects, f"{name}: contrast in light and dark")
    defects = browser.audit("layout", DESKTOP[0]) + browser.audit("targets")
    for width, size in (("phone", PHONE), ("zoomed", NARROW)):
        browser.look(size, scheme="light")
        if width == "phone":
            browser.screenshot(f"{name}-phone")
        defects += [f"{width}: {defect}" for defect in browser.audit("layout", size[0]) + browser.audit("targets")]
        if browser.audit("words") != wide:
            defects.append(f"{width}: other words than on a desk")
    agree(defects, f"{name}: nothing cut, covered, too small or wider than the page; zoomed to 200 % neither")
    browser.look()
    agree(browser.focus_defects(), f"{name}: the Tab key goes through all of it in order, and is seen")
    skip_link(browser, name)
    agree(browser.console_errors(errors), f"{name}: the browser has nothing to complain of")


def skip_link(browser, name):
    browser.driver.refresh()
    browser.run("document.activeElement.blur()")
    browser.focus(".skip")
    box = browser.one(".skip").rect
    browser.enter()
    after = wait_until(lambda: browser.run("return document.activeElement.id"), "the skip link's focus", SECONDS)
    is_seen = box["x"] >= 0 and box["y"] >= 0
    check(is_seen and after == "main", f"{name}: the first Tab shows a link that skips the head")


def pages(lab):
    browser, demo, shop, guarded = lab.browser, lab.demo, lab.shop, lab.guarded
    for name, url in [
            ("overview", f"{shop.url}/"), ("overview-demo", f"{demo.url}/"), ("feed", f"{shop.url}/feed"),
            ("messages", f"{shop.url}/messages"), ("message", f"{demo.url}/messages/{lab.mail}"),
            ("message-waiting", f"{shop.url}/messages/{lab.waiting[0]}"),
            ("tag", f"{shop.url}/tags/newsletter"), ("tag-demo", f"{demo.url}/tags/demo"),
            ("no-tag", f"{shop.url}/tags/-"),
            ("queue", f"{shop.url}/queue"), ("queue-empty", f"{demo.url}/queue"), ("health", f"{shop.url}/health"),
            ("login", f"{guarded.url}/login"), ("search", f"{demo.url}/messages?recipient=nobody@customer.example")]:
        look_at(lab, name, url)
    look_at(lab, "error", f"{demo.url}/tags/nothing-of-this-name", errors=["404 (Not Found)"])
    browser.open(f"{shop.url}/feed")
    moving = "document.querySelector('#feed tbody tr').classList.add('new')"
    browser.run(moving)
    check(browser.audit("motion"), "a new row of the feed lights up")
    browser.look(motion="reduce")
    agree(browser.audit("motion"), "nothing moves for those who want it still")
    browser.look()


# MARK: Queue

def button(action, queue_id):
    return f'button[aria-label="{action} {queue_id}"]'


def done(browser, words):
    wait_until(lambda: words in browser.words(".notice"), f"the notice: {words}", SECONDS)


def queue(lab):
    browser, shop = lab.browser, lab.shop
    first, second = lab.waiting[:2]
    browser.open(f"{shop.url}/queue")
    attempts = shop.queue(first)["attempts"]
    browser.click(button("Hold", first))
    done(browser, "1 mail held.")
    browser.screenshot("queue-held-light")
    check(shop.queue(first)["held"] and not shop.queue(second)["held"], "Hold holds a mail, and no other")
    browser.click(button("Release", first))
    done(browser, "1 mail released.")
    check(not shop.queue(first)["held"], "Release releases it")
    browser.click(button("Retry", first))
    done(browser, "1 mail released and due now.")
    wait_until(lambda: shop.queue(first)["attempts"] > attempts, "another attempt", SECONDS)
    check(True, f"Retry tries it: {shop.queue(first)['attempts']} attempts")
    browser.click('form[action="/queue/all/hold"] button')
    done(browser, "mails held.")
    check(all(shop.queue(one)["held"] for one in lab.waiting), "Hold all")
    browser.click('form[action="/queue/all/release"] button')
    done(browser, "mails released.")
    check(not any(shop.queue(one)["held"] for one in lab.waiting), "Release all")
    foreign_forms(lab)
    browser.open(f"{shop.url}/queue")
    delete = browser.one(button("Delete", first).replace('"]', ' for good"]'))
    check(not delete.is_displayed(), "Delete asks once more")
    browser.click(f'summary[aria-label="Delete {first}"]')
    browser.screenshot("queue-delete-light")
    delete.click()
    done(browser, "1 mail deleted.")
    check(shop.queue(first) is None and shop.queue(second), "Delete deletes it, and no other")
    agree(browser.console_errors(), "the queue: the browser has nothing to complain of")


def prize(target, code):
    """A stranger's page with a button that is not what it says."""
    return f"""<title>Prize</title><form method="post" action="{target}/delete"><input name="csrf" value="{code}">
        <button>Take your prize</button></form>"""


def foreign_forms(lab):
    """Another site's form cannot do what a button here does, even if it knew what the page's forms bring along."""
    browser, shop, site = lab.browser, lab.shop, lab.site
    code = re.search(r'name="csrf" value="(\w*)"', ask(f"{shop.url}/queue"))[1]
    target = f"/queue/{lab.waiting[0]}"
    site.pages["/prize"] = "text/html", prize(shop.url + target, code) + f"""<script>
        const api = "{shop.url}/api/v1{target}", page = "{shop.url}{target}", body = "csrf={code}";
        const headers = {{ "Content-Type": "application/x-www-form-urlencoded" }};
        for (const mode of ["no-cors", "cors"]) for (const request of [
            fetch(page + "/hold", {{ method: "POST", mode, credentials: "include", headers, body }}),
            fetch(api + "/hold", {{ method: "POST", mode, credentials: "include", headers, body }}),
            fetch(api, {{ method: "DELETE", mode, credentials: "include" }}),
        ]) request.catch(() => 0).finally(() => document.title += "!")</script>"""
    for host in ("stranger.example", "127.0.0.1"):
        browser.open(site.url("/prize", host))
        wait_until(lambda: browser.driver.title == "Prize!!!!!!", "the answers to six requests of scripts", SECONDS)
        browser.click("button")
        wait_until(lambda: "another site" in browser.words("body"), "a refusal", SECONDS)
        mail = shop.queue(lab.waiting[0])
        check(mail and not mail["held"], f"a form and scripts of http://{host}:{site.port} change nothing")
    browser.console_errors()


# MARK: Without scripts, by keyboard

def same(text):
    """Apart from times and sizes."""
    return re.sub(r"\d+(\.\d+)?", "0", text)


def scripts(lab):
    browser, demo, shop, guarded = lab.browser, lab.demo, lab.shop, lab.guarded
    urls = [f"{shop.url}{path}" for path in ("/", "/feed", "/messages", "/tags/newsletter", "/queue", "/health")]
    urls += [f"{demo.url}/messages/{lab.mail}", f"{demo.url}/tags/none", f"{guarded.url}/login"]
    live = r"Live: what happens shows up here by itself\. ?"
    defects = []
    for url in urls:
        words = []
        for run in (True, False):
            browser.scripts(run)
            browser.open(url)
            words.append(same(re.sub(live, "", browser.audit("words"))))
        if words[0] != words[1] or len(words[0]) < 20 or browser.words("#live"):
            defects.append(url)
    agree(defects, f"without scripts {len(urls)} pages show the same, and none says that it is live")
    browser.console_errors()
    keyboard(lab)
    browser.scripts(True)


def keyboard(lab):
    """A relay with a password: in, through the queue, and out, with neither mouse nor scripts."""
    browser, guarded = lab.browser, lab.guarded
    browser.open(f"{guarded.url}/queue")
    check(browser.driver.current_url.endswith("/login"), "whoever is not logged in is shown the way")
    browser.type("wrong")
    browser.enter()
    wait_until(lambda: "not the password" in browser.words(".problem"), "a wrong password's answer", SECONDS)
    browser.screenshot("login-wrong-light")
    browser.focus("input[type=password]")
    browser.type(PASSWORD)
    browser.enter()
    wait_until(lambda: browser.words("h1") == "Overview", "the overview after logging in", SECONDS)
    check(True, "logged in by keyboard")
    browser.press('nav a[href="/queue"]')
    wait_until(lambda: browser.words("h1") == "Queue", "the queue", SECONDS)
    for action, words, state in (("Hold", "1 mail held.", "held"), ("Release", "1 mail released.", None),
                                 ("Retry", "1 mail released and due now.", None)):
        browser.press(button(action, lab.guarded_mail))
        done(browser, words)
        check(("held" in browser.words("tbody tr")) == (state == "held"), f"{action} by keyboard: {words}")
    # The session's cookie goes along from another port of this host, which is the same site to a browser.
    code = browser.one("main input[name=csrf]").get_attribute("value")
    lab.site.pages["/prize"] = "text/html", prize(f"{guarded.url}/queue/{lab.guarded_mail}", code)
    browser.open(lab.site.url("/prize", "127.0.0.1"))
    browser.press("button")
    wait_until(lambda: "another site" in browser.words("body"), "a refusal", SECONDS)
    check(lab.guarded_mail in guarded.run("queue", "list").stdout, "another site's form does nothing with the session")
    browser.console_errors()
    browser.open(f"{guarded.url}/queue")
    browser.press(f'summary[aria-label="Delete {lab.guarded_mail}"]')
    browser.press(button("Delete", lab.guarded_mail).replace('"]', ' for good"]'))
    done(browser, "1 mail deleted.")
    check("queue is empty" in browser.words("main"), "Delete by keyboard: 1 mail deleted.")
    check(lab.guarded_mail not in guarded.run("queue", "list").stdout, "and it is gone")
    browser.press('form[action="/logout"] button')
    wait_until(lambda: browser.driver.current_url.endswith("/login"), "the login page after logging out", SECONDS)
    browser.open(f"{guarded.url}/queue")
    check(browser.driver.current_url.endswith("/login"), "logged out by keyboard")
    agree(browser.console_errors(["403 (Forbidden)"]), "without scripts: the browser has nothing to complain of")


# MARK: The lab

class Lab:
    def __init__(self):
        self.site, self.demo = Site(), Demo()
        self.start_shop()
        line = subprocess.run(
            [COMMAND, "password", "admin"], input=PASSWORD + "\n", capture_output=True, text=True, check=True).stdout
        self.guarded = Waiting("guarded", web=f'password-hash = "{line.strip().removeprefix("admin:")}"\n')
        self.guarded_mail = send(self.guarded.smtp, letter("<html><body><p>Hello</p></body></html>", self.demo.trace))
        self.browser = Browser()
        self.mail = None

    def start_shop(self):
        """A busy relay whose upstream has just gone: its past is imported, and four mails wait."""
        keep = 'keep-subject = true\nkeep-source = "1d"\n'
        self.shop = Waiting("shop", tracking=keep + '[tag.newsletter]\nclicks = "always"\n[tag.order-confirmation]')
        path = FOLDER / "days.journal"
        path.write_bytes(journal())
        # Beside events that are there a start makes no key by itself.
        self.shop.data.mkdir(mode=0o700, exist_ok=True)
        result = self.shop.run("key", "add", "--new-file")
        check(result.returncode == 0, f"a key of its own {result.stderr}".rstrip())
        result = self.shop.run("events", "import", "--from-relay", path)
        check(result.returncode == 0, f"thirty days are imported: {(result.stdout + result.stderr).strip()}")
        trace = "eyJUYWdOYW1lIjoibmV3c2xldHRlciIsIk9wZW5UcmFjZSI6IjEiLCJMaW5rVHJhY2UiOiIxIn0="
        self.waiting = []
        many = [f"customer.number.{index}@a-long-domain-name.customer.example" for index in range(12)]
        for recipients in (["ann@customer.example"], ["bob@customer.example"], many, ["dora@customer.example"]):
            html = '<html><body><p>Good day</p><a href="https://www.shop.example/">Offers</a></body></html>'
            content = letter(html, trace, "The garden in autumn")
            self.waiting.append(send(self.shop.smtp, content, recipients=recipients))
        tried = lambda queue_id: (mail := self.shop.queue(queue_id)) and mail["attempts"]
        wait_until(lambda: all(map(tried, self.waiting)), "first attempts")


def main():
    parts = [walk, message, pages, queue, scripts]
    names = sys.argv[1:] or [part.__name__ for part in parts]
    start = time.monotonic()
    lab = Lab()
    try:
        for part in parts:
            # Later parts look at its mail.
            if part.__name__ in names or part is walk:
                print(part.__name__, flush=True)
                part(lab)
    finally:
        lab.browser.close()
    lab.demo.stop()
    print(f"{time.monotonic() - start:.0f} s")


main()
