"""A real browser: headless Chromium, and what a person does with it."""

import base64
import os
import pathlib

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab import FOLDER

AUDIT = (pathlib.Path(__file__).parent / "audit.js").read_text()
SCREENSHOTS = pathlib.Path(os.environ.get("SCREENSHOTS") or FOLDER / "screenshots")
SCREENSHOTS.mkdir(parents=True, exist_ok=True)
DESKTOP, PHONE = (1280, 900), (390, 844)
# Roles of the accessibility tree that mean nothing without a name.
NAMED = {"button", "link", "textbox", "combobox", "DisclosureTriangle", "image", "region", "Iframe", "Date",
         "spinbutton", "navigation"}
LANDMARKS = ("banner", "navigation", "main", "contentinfo")


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in (
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en",
                # A reader's browser; one without a screen is taken for a machine.
                "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
                "Safari/537.36",
                # Names for sites of readers and strangers, all of them on this machine; nothing else is asked for.
                "--host-resolver-rules=MAP *.example 127.0.0.1", "--disable-background-networking",
                # Two windows side by side, neither of them in the background.
                "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
                "--disable-backgrounding-occluded-windows"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
        self.driver.set_page_load_timeout(30)
        self.look()

    def close(self):
        self.driver.quit()

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    # MARK: Windows

    def new_window(self):
        """Opens one, goes there, and returns its name."""
        self.driver.switch_to.new_window("window")
        return self.driver.current_window_handle

    def look(self, size=DESKTOP, scheme="light", motion="no-preference"):
        self.command("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                     mobile=size == PHONE)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}])

    def scripts(self, run):
        self.command("Emulation.setScriptExecutionDisabled", value=not run)

    def screenshot(self, name):
        picture = self.command("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        (SCREENSHOTS / f"{name}.png").write_bytes(base64.b64decode(picture))

    # MARK: Pages

    def open(self, url):
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def audit(self, name, *arguments):
        return self.run(AUDIT, name, arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def words(self, selector):
        """The text of all such elements as it stands now; empty while a page is just replaced."""
        try:
            return " ".join(element.text for element in self.all(selector))
        except StaleElementReferenceException:
            return ""

    def click(self, selector):
        self.one(selector).click()

    def console_errors(self, but=()):
        """What the browser complained of since the last call, violations of the page's policy among it."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and not any(words in entry["message"] for words in but)]

    # MARK: Keys

    def key(self, name, code, text=""):
        self.command("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", key=name, code=name,
                     windowsVirtualKeyCode=code, text=text)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=name, code=name, windowsVirtualKeyCode=code)

    def tab(self):
        self.key("Tab", 9)

    def enter(self):
        self.key("Enter", 13, "\r")

    def type(self, text):
        self.driver.switch_to.active_element.send_keys(text)

    def focus(self, selector):
        """Goes to an element by the Tab key alone."""
        for _ in range(150):
            if self.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.tab()
        raise SystemExit(f"FAILED: the Tab key does not lead to {selector} on {self.driver.current_url}")

    def press(self, selector):
        """Uses a link or button by the keyboard alone."""
        self.focus(selector)
        self.enter()

    # MARK: Accessibility

    def tree_defects(self):
        """What the browser itself tells programs that read the page aloud."""
        defects, found = [], []
        for node in self.command("Accessibility.getFullAXTree")["nodes"]:
            if node["ignored"]:
                continue
            role = node["role"]["value"]
            name = node.get("name", {}).get("value", "").strip()
            found.append(role)
            if role in NAMED and not name:
                defects.append(f"{role} without a name")
        return defects + [f"{found.count(role)} landmarks {role}" for role in LANDMARKS if found.count(role) != 1]

    def focus_defects(self):
        """The Tab key through the whole page."""
        count = self.audit("watchFocus")
        # Date fields stop more than once; a round may begin with no element at all.
        stops = count + 3 * len(self.all("input[type=date]")) + 3
        webdriver.ActionChains(self.driver, duration=0).send_keys(Keys.TAB * stops).perform()
        return self.audit("focusDefects", count)
