"""Writes Tests/StorageSQLiteTests/Fixtures/recount.journal and recount.json: a small world and its figures by the
definitions, by which `swift test` holds each store to them. Run by figures.sh with FIGURES_FIXTURE=1, where the world,
the oracle or the journal's form have changed."""

import json
import os
import pathlib
import re
import sys
import tempfile
import time

os.environ["TZ"] = "UTC"
time.tzset()

from oracle import Recount, Rules
from world import ADDED_RULES, World

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "Tests/StorageSQLiteTests/Fixtures"
NOW = 1_795_651_200_000
MAILS, HITS = 90, 900


def figures(recount):
    """Everything that is derived, as rows that sort."""
    def column(name):
        return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), name)

    def tag(name):
        return "" if name == "-" else name
    return {
        "quarters": sorted([tag(name), quarter, column(figure), count]
                           for (name, quarter), counts in recount.quarters.items()
                           for figure, count in counts.items() if count),
        "pages": sorted([tag(name), day, page, *counts] for (name, day, page), counts in recount.links["page"].items()),
        "reasons": sorted([tag(name), day, reason, count] for (name, day, reason), count
                          in recount.reasons["sent"].items()),
        "classes": sorted([number, name] for number, name in recount.classes.items()),
    }


def main():
    world = World(MAILS, HITS, NOW)
    with tempfile.TemporaryDirectory() as folder:
        journals = [path.read_bytes() for path in world.write(pathlib.Path(folder))]
    (FIXTURES / "recount.journal").write_bytes(b"".join(journals))
    shipped = (ROOT / "Sources/TrackingEvents/Resources/hit-classes.conf").read_text()
    first = Recount(world, Rules(shipped))
    changed = Recount(world, Rules(shipped + ADDED_RULES), first.verdicts)
    document = [
        {"rules": shipped, **figures(first)},
        {"rules": shipped + ADDED_RULES, **figures(changed)},
    ]
    turned = sum(first.classes[number] != name for number, name in changed.classes.items())
    if turned < 20:
        sys.exit(f"FAILED: the other rules turn only {turned} hits")
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (FIXTURES / "recount.json").write_text(text.replace("],[", "],\n[") + "\n")


main()
