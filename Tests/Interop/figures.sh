#!/usr/bin/env bash
# Every figure of the console counted twice: tracerelay imports generated journals, a program that knows only the
# definitions recounts them, day by day and hit by hit; then pages are timed, rules changed, and all is compared again.
# FIGURES_MAILS and FIGURES_HITS (10000 and 100000) set the size; the full run has 100000 and 1000000.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 python3-venv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check xxhash==3.5.0
program=figures.py
[ -z "${FIGURES_FIXTURE:-}" ] || program=figures/fixture.py   # the small world that swift test has
PYTHONPATH=support:figures "$folder/venv/bin/python" "$program"
