#!/usr/bin/env bash
# The tracking service and its console from outside: a database in trouble and kill -9 under load, forged tokens, hostile
# HTTP, injected markup, the block list, a tracker without a database, erasure, logins. Arguments: names of parts, as
# hits.py lists them; without any, all that the gate runs.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3
PYTHONPATH=support:hits exec python3 hits.py "$@"
