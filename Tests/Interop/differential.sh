#!/usr/bin/env bash
# Thousands of generated and broken mails through `tracerelay explain`; what it would send is compared with what came by
# parsers nobody here wrote: Python's email package, html5lib, quopri, ada-url.
# Arguments: --count N, --seed N, --case N (one case alone), --keep FOLDER; see differential.py.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 python3-venv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check html5lib==1.1 ada-url==4.0.0
PYTHONPATH=support:differential "$folder/venv/bin/python" differential.py "$@"
