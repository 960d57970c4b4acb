#!/usr/bin/env bash
# The binary that users get: README's "Run it" block, line by line, into a folder that holds nothing but the files of
# the packages it names and of those they need; then the service there, with an empty environment and a user without
# rights, and one mail through it, from SMTP to the figures.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 curl binutils libc-bin libssl3 libsqlite3-0 ca-certificates
# What is mounted into the folder goes with this script.
PYTHONPATH=support exec unshare --mount python3 release.py
