import argparse
import collections
import difflib
import json
import multiprocessing
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import traceback

import asked
import mails
import parts
import policies
import ranges
import structure
import tokens
from lab import COMMAND, FOLDER
from linkoracle import unsubscribe_urls

BATCH = 100
# A media type and its parameters; values may hold what writers forget to quote (/, ?, = and 8-bit octets).
TOKEN = rb"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"
BLANKS = rb"(?:[ \t\r\n]|\([^()]*\))*"
VALUE = rb"(?:\"(?:[^\"\\]|\\.)*\"|[^\s;\"()]+)"
GRAMMAR = re.compile(BLANKS + TOKEN + rb"/" + TOKEN + rb"(?:" + BLANKS + rb";" + BLANKS + rb"(?:" + TOKEN + rb"="
                     + VALUE + rb")?)*" + BLANKS, re.S)
KEY = bytes(range(32)).hex()


def configuration():
    config = FOLDER / "relay.conf"
    key = FOLDER / "tracking.key"
    key.write_text(f"# made for this run\n7 active 1700000000 {KEY}\n")
    config.write_text(f"""\
hostname = "relay.test"
data-directory = "{FOLDER / 'data'}"
[upstream.default]
address = "127.0.0.1:25"
tls = "none"
[tracking]
base-url = "{policies.BASE}"
key-file = "{key}"
""" + "".join(policy.section() for policy in policies.POLICIES), encoding="utf-8")
    return config, tokens.read_keys(key)


# MARK: The command

def explain(config, folder, names, recipient):
    """The command's reports by file name. A folder goes in whole; `names` says what must come back."""
    answer = subprocess.run(
        [COMMAND, "explain", folder, "--output", folder / "out", "--json", "--config", config,
         "--recipient", str(recipient)], capture_output=True, timeout=300)
    reports = {}
    for line in answer.stdout.splitlines():
        entry = json.loads(line)
        reports[pathlib.Path(entry["path"]).name] = entry["explanation"]
    if answer.returncode != 0 and len(reports) == len(names):
        sys.exit(f"the command ended with {answer.returncode}: {answer.stderr.decode()}")
    return reports, answer


def run_batch(arguments, config, keys, numbers):
    """Makes, explains and compares some cases; returns the differences and what was counted."""
    differences, counts = [], collections.Counter()
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        folder = pathlib.Path(name)
        (folder / "out").mkdir()
        cases = [mails.case(arguments.seed, number) for number in numbers]
        for case in cases:
            (folder / f"{case.number:06d}.eml").write_bytes(case.octets)
        recipient = policies.recipient(numbers[0] // BATCH)
        reports, answer = explain(config, folder, numbers, recipient)
        for case in cases:
            file = f"{case.number:06d}.eml"
            if file not in reports:
                # The first one without a report is the one it fell over; the rest of the batch went unread.
                differences.append((case, f"the command died (exit {answer.returncode}): "
                                    + answer.stderr.decode("utf-8", "replace")[-2000:], "", ""))
                break
            after = (folder / "out" / file).read_bytes()
            found = compare(Trial(case, after, reports[file], keys, recipient), counts)
            if found:
                differences.append((case, *found))
                keep(arguments.keep, case, after, reports[file])
    return differences, counts


# MARK: One case

class Trial:
    """A case and what became of it."""

    def __init__(self, case, after, explanation, keys, recipient):
        self.case, self.output, self.explanation, self.keys = case, after, explanation, keys
        self.verdict, self.reason = explanation["verdict"], explanation["reason"]
        self.report = explanation.get("report") or {"parts": []}
        self.recipient = recipient
        self.before = ranges.normalized(case.octets)
        self.old, self.new = ranges.read(self.before), ranges.read(after)
        self.policy = policies.BY_TAG.get(explanation["tag"], policies.BY_TAG["Test"])
        self.asked = asked.read(self.old)
        self.rewritten = [part["path"] for part in self.report["parts"] if part["rewritten"]]

    @property
    def is_tracked(self):
        return self.verdict in ("tracked", "left to the upstream")

    @property
    def flags(self):
        """Opens and clicks; for a mail that this test cannot read, what the report lets one think."""
        if self.asked:
            return self.policy.flags(self.asked[1:])
        report = self.report["parts"]
        return (any("pixel" in part for part in report),
                not any(link.get("reason") == "clicks-off" for part in report for link in part["links"]))

    @property
    def request(self):
        """Section 7: the trace field for the upstream; a mail that must not be changed only keeps its tag."""
        if not self.policy.is_upstream or not self.explanation["tag"]:
            return None
        if not self.asked:
            return {}
        on = self.is_tracked or self.reason.startswith("no-html-part")
        opens, clicks = (str(int(flag and on)) for flag in self.flags)
        return {"TagName": self.policy.tag, "OpenTrace": opens, "LinkTrace": clicks}


def compare(trial, counts):
    """None, or the words and the two sides of a difference."""
    try:
        compare_mail(trial, counts)
    except structure.Difference as difference:
        return str(difference), difference.before, difference.after
    except Exception:
        return "the comparison itself failed:\n" + traceback.format_exc(), "", ""
    return None


def compare_mail(trial, counts):
    expect = structure.expect
    counts[f"mails {trial.verdict}"] += 1
    reason = excluded(trial.before, trial.old)
    if reason:
        counts[f"excluded: {reason}"] += 1
        return
    expect(trial.is_tracked or not trial.rewritten, f"{trial.verdict}, and parts are rewritten: {trial.rewritten}")
    expect("self-check-failed" not in trial.reason, trial.reason)
    expected = structure.Expected(trial.old, trial.rewritten, trial.policy.dkim_signed == "remove", trial.request)
    structure.compare_raw(trial.old, trial.new, expected)
    reason = differs_in_header(trial.old)
    if reason:
        counts[f"email package not asked: {reason}"] += 1
    else:
        structure.compare_parsed(trial.before, trial.output, trial.old, expected, trial.case.is_clean)
    if trial.is_tracked:
        compare_parts(trial, counts)
    if not trial.case.is_mutated:
        check_verdict(trial)


def compare_parts(trial, counts):
    """Each part that may be rewritten: whether it was, and what became of it."""
    html = structure.eligible_paths(trial.old)
    tracks_text = trial.policy.text_links and not trial.policy.is_upstream and trial.flags[1]
    eligible = html + (structure.eligible_paths(trial.old, "plain") if tracks_text else [])
    structure.expect(set(trial.rewritten) <= set(eligible), "the rewritten parts", str(eligible), str(trial.rewritten))
    mail = parts.Mail(trial.keys, trial.policy, trial.recipient, unsubscribe_urls(trial.old))
    mail.opens, mail.clicks = trial.flags
    before, after = ({part.path: part for part in root.walk()} for root in (trial.old, trial.new))
    reports = {part["path"]: part for part in trial.report["parts"]}
    try:
        pixel_path = parts.pixel_path(trial.old, html, mail.policy)
    except parts.Unreadable as reason:
        counts[f"mail not compared: {reason}"] += 1
        return
    for path in eligible:
        has_pixel = path == pixel_path and mail.opens and not trial.policy.is_upstream
        links = mail.take_numbers(reports[path]["links"])
        must = bool(has_pixel or links or trial.policy.is_upstream)
        structure.expect((path in trial.rewritten) == must, f"part {path}: whether it is rewritten", str(must))
        try:
            parts.compare(before[path], after[path] if must else None, reports[path], mail, has_pixel)
            counts["parts compared"] += 1
        except parts.Unreadable as reason:
            counts[f"part not compared: {reason}"] += 1
    counts.update(mail.counts)


def check_verdict(trial):
    """What section 1 to 3 foresee for a mail that is whole."""
    said = trial.reason.split(":")[0]
    if trial.case.trace == "none":
        allowed = {"not-asked"}
    elif trial.case.trace == "bad":
        allowed = {"malformed-trace", "unknown-tag"}
    elif trial.case.trace not in policies.BY_TAG:
        allowed = {"unknown-tag"}
    else:
        structure.expect(trial.asked is not None, "the test cannot read its own trace field")
        allowed = verdicts(trial, policies.BY_TAG[trial.case.trace])
    structure.expect(said in allowed, "the verdict", str(allowed), trial.reason)
    structure.expect(trial.explanation["tag"] == ("" if trial.verdict == "untracked" else trial.case.trace), "the tag")


def verdicts(trial, policy):
    """The reasons that may be given under a tag that exists; "" where the mail is tracked."""
    if not any(policy.flags(trial.asked[1:])) and not policy.is_upstream:
        return {"flags-off"}
    if any(trial.old.first(name) is not None for name in structure.SIGNATURES) and policy.dkim_signed == "pass-through":
        return {"dkim-signed"}
    plain = structure.eligible_paths(trial.old,
     "plain") if policy.text_links and policy.flags(trial.asked[1:])[1] else []
    odd = {"unknown-charset", "charset-undecodable", "inline-pgp", "unknown-encoding", "transfer-encoding-doubtful"}
    if structure.eligible_paths(trial.old):
        # No pixel was asked for, and no link is one to track: what there is to track is checked part by part.
        untracked = set() if policy.is_upstream else {"nothing-to-track"}
        if untracked and policy.flags(trial.asked[1:])[0]:
            untracked = without_pixel(trial, policy)
        return odd | {""} | untracked
    return {"no-html-part", "signed", "report", "encrypted"} | ({""} if plain and not policy.is_upstream else set())


def without_pixel(trial, policy):
    """The reasons of a mail that asks for a pixel, has no place for one, and no link to track either."""
    html = structure.eligible_paths(trial.old)
    try:
        if parts.pixel_path(trial.old, html, policy):
            return set()
    except (parts.Unreadable, structure.Difference):
        pass
    return {"nothing-to-track", "no-place-for-pixel"}


def differs_in_header(root):
    """Where the email package finds another end of a header; None where it does not."""
    for part in root.walk():
        if any(not field.name.isascii() for field in part.fields):
            # QUIRK of the relay, on purpose.
            return "octets above 0x7F in a field's name"
        if not part.separator and part.inside.startswith(b"From "):
            # RFC 5322 section 2.2: no field. The email package skips it wherever it stands.
            return "a header that ends at an mbox line"
    return None


def excluded(before, root):
    """Classes that readers guess about differently, as narrow as they can be said; None for the rest."""
    for part in root.walk():
        for field in part.fields:
            if field.name == b"content-type" and not GRAMMAR.fullmatch(field.value):
                return "a Content-Type outside the grammar of RFC 2045 section 5.1 and RFC 2231"
            if field.name == b"content-type" and re.search(rb"\\[^\"\\]", field.value):
                # RFC 5322 section 3.2.4: any character may be quoted; the email package knows two.
                return "a quoted pair in a Content-Type that the email package does not unquote"
    header = before[:before.find(b"\r\n\r\n") + 2]
    if re.search(rb"^:", header, re.M):
        # RFC 5322 section 2.2: a field has a name. The email package skips such a line, where the header is over.
        return "a header line that starts with a colon"
    if re.match(rb"[ \t]", before):
        # RFC 5322 section 2.2.3: nothing to continue. The email package skips the line, where there is no header.
        return "a first line that continues nothing"
    return None


# MARK: The run

def keep(folder, case, after, explanation):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{case.number:06d}.eml").write_bytes(case.octets)
    (folder / f"{case.number:06d}.after.eml").write_bytes(after)
    (folder / f"{case.number:06d}.json").write_text(json.dumps(explanation, indent=1))


def show(arguments, case, words, before, after):
    print(f"DIFFERENCE seed {arguments.seed} case {case.number}: {words}")
    print(f"  message: {arguments.keep / f'{case.number:06d}.eml'}")
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2)
    for line in list(lines)[:arguments.lines]:
        print("  " + ascii(line[:300])[1:-1])


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compares mails before and after the relay by foreign parsers.")
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--case", type=int, help="this case alone")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path, help="where the messages of differences go")
    parser.add_argument("--lines", type=int, default=24, help="lines of each diff")
    arguments = parser.parse_args()
    arguments.keep = arguments.keep or pathlib.Path(tempfile.mkdtemp(prefix="tracerelay-differential-"))
    return arguments


class Batch:
    """What a process of the pool calls."""

    def __init__(self, arguments, config, keys):
        self.arguments, self.config, self.keys = arguments, config, keys

    def __call__(self, numbers):
        sys.setrecursionlimit(20_000)
        return run_batch(self.arguments, self.config, self.keys, numbers)


def main():
    arguments = parse_arguments()
    numbers = range(arguments.count) if arguments.case is None else [arguments.case]
    batches = [numbers[start:start + BATCH] for start in range(0, len(numbers), BATCH)]
    batch = Batch(arguments, *configuration())
    begin, total, counts = time.monotonic(), 0, collections.Counter()
    with multiprocessing.get_context("fork").Pool(arguments.processes) as pool:
        for differences, counted in pool.imap(batch, batches):
            counts.update(counted)
            for difference in differences:
                total += 1
                show(arguments, *difference)
            sys.stdout.flush()
    for name, count in sorted(counts.items()):
        print(f"  {count:7} {name}")
    print(f"seed {arguments.seed}: {len(numbers)} mails, {total} differences, {time.monotonic() - begin:.0f} s")
    sys.exit(total > 0)


if __name__ == "__main__":
    main()
