#!/usr/bin/env bash
# The API against its own description, by programs that know nothing but that: openapi-spec-validator, Schemathesis and
# Prometheus's parser; then what it says against the mails sent, the hits made, and what the command says.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 python3-venv openssl
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    schemathesis==4.32.5 openapi-spec-validator==0.9.0 prometheus_client==0.26.0 xxhash==3.5.0
PYTHONPATH=support "$folder/venv/bin/python" api.py
