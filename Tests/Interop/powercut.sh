#!/usr/bin/env bash
# A 250 outlives a power cut: the relay's file operations are recorded by a preloaded library while it takes mail, rolls
# segments over, compacts them and meets a disk that is full now and then; the disk is rebuilt as it may be after a cut at
# many points, with what was not synced dropped, half there or all there, and every acknowledged mail is looked for.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 gcc libc6-dev
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=support:powercut exec python3 powercut.py "$@"
