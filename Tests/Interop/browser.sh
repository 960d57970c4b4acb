#!/usr/bin/env bash
# The console in a real browser, headless Chromium: from a sent mail to the click on the overview; every page in light and
# dark, on a desk and a telephone, by keyboard alone, without scripts; what it means to read the mail of strangers there.
# SCREENSHOTS names a folder that keeps the pictures. Arguments: names of parts, as browser.py lists them; without any, all.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 python3-venv chromium chromium-driver fonts-dejavu-core
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check selenium==4.51.0 xxhash==3.5.0
PYTHONPATH=support:browser "$folder/venv/bin/python" browser.py "$@"
