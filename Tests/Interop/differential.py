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

import mails
import parts
import ranges
import structure
import tokens
from lab import COMMAND, FOLDER

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
base-url = "{parts.BASE}"
key-file = "{key}"
exclude = ["*{parts.linkoracle.EXCLUDED}"]
[tag.Test]
[tag.Keep]
charset = "keep"
""")
    return config, tokens.read_keys(key)


# MARK: The command

def explain(config, folder, names):
    """The command's reports by file name. A folder goes in whole; `names` says what must come back."""
    answer = subprocess.run(
        [COMMAND, "explain", folder, "--output", folder / "out", "--json", "--config", config],
        capture_output=True, timeout=300)
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
        reports, answer = explain(config, folder, numbers)
        for case in cases:
            file = f"{case.number:06d}.eml"
            if file not in reports:
                # The first one without a report is the one it fell over; the rest of the batch went unread.
                differences.append((case, f"the command died (exit {answer.returncode}): "
                                    + answer.stderr.decode("utf-8", "replace")[-2000:], "", ""))
                break
            after = (folder / "out" / file).read_bytes()
            found = compare(case, after, reports[file], keys, counts)
            if found:
                differences.append((case, *found))
                keep(arguments.keep, case, after, reports[file])
    return differences, counts


# MARK: One case

def compare(case, after, explanation, keys, counts):
    """None, or the words and the two sides of a difference."""
    try:
        compare_mail(case, after, explanation, keys, counts)
    except structure.Difference as difference:
        return str(difference), difference.before, difference.after
    except Exception:
        return "the comparison itself failed:\n" + traceback.format_exc(), "", ""
    return None


def compare_mail(case, after, explanation, keys, counts):
    expect = structure.expect
    verdict, report = explanation["verdict"], explanation.get("report") or {"parts": []}
    counts[f"mails {verdict}"] += 1
    before = ranges.normalized(case.octets)
    old, new = ranges.read(before), ranges.read(after)
    reason = excluded(before, old)
    if reason:
        counts[f"excluded: {reason}"] += 1
        return
    tracked = verdict == "tracked"
    rewritten = {part["path"]: part for part in report["parts"] if part["rewritten"]}
    expect(bool(rewritten) <= tracked, f"{verdict}, and parts are rewritten: {list(rewritten)}")
    expect("self-check-failed" not in explanation["reason"], explanation["reason"])
    structure.compare_raw(old, new, rewritten, tracked)
    structure.compare_parsed(before, after, old, rewritten, case.is_clean)
    if tracked:
        eligible = structure.eligible_paths(old)
        expect(list(rewritten) == eligible, "the rewritten parts", str(eligible), str(list(rewritten)))
        compare_parts(case, old, new, rewritten, keys, counts)
    elif not case.is_mutated:
        check_verdict(case, old, explanation)


def compare_parts(case, old, new, rewritten, keys, counts):
    opens, clicks = case.flags or (True, True)
    mail = parts.Mail(keys, clicks, opens, parts.linkoracle.unsubscribe_urls(old), case)
    before, after = ({part.path: part for part in root.walk()} for root in (old, new))
    for path, report in rewritten.items():
        if case.is_mutated:
            mail.clicks = not any(link.get("reason") == "clicks-off" for link in report["links"])
        try:
            parts.compare(before[path], after[path], report, mail)
        except parts.Unreadable as reason:
            counts[f"part not compared: {reason}"] += 1
            return
        counts["parts compared"] += 1
    if case.is_mutated:
        opens = mail.pixels == 1
    structure.expect(mail.pixels == opens, f"{mail.pixels} pixels")
    counts.update(mail.counts)


def check_verdict(case, old, explanation):
    """Section 3 foresees the verdict of a mail that is whole."""
    said = explanation["reason"].split(":")[0]
    eligible = structure.eligible_paths(old)
    if case.flags is None:
        allowed = {"not-asked"}
    elif said in ("unknown-tag", "malformed-trace", "flags-off"):
        return
    elif old.first(b"dkim-signature") is not None:
        allowed = {"dkim-signed"}
    elif not eligible:
        allowed = {"no-html-part", "signed", "report", "encrypted"}
    else:
        allowed = {"unknown-charset", "charset-undecodable", "inline-pgp", "unknown-encoding"}
    structure.expect(said in allowed, "the verdict", str(allowed), explanation["reason"])


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
    parser.add_argument("--count", type=int, default=4_000)
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
