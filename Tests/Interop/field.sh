#!/usr/bin/env bash
# Dialogues of mailers as people have them in the field: devices without a name, odd addresses and logins, scripts that send
# all at once and close, SMTPUTF8 because it was offered, copies and blind copies, tags whose mail is not tracked.
# Arguments: names of parts, as field.py lists them; without any, all.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3
PYTHONPATH=support:field exec python3 field.py "$@"
