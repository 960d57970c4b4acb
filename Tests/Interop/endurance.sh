#!/usr/bin/env bash
# What only shows under strain: 10,000 mails from 50 connections without loss or duplicate in bounded memory, a disk that
# fills up, a unit file that systemd itself finds tight.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
install_packages python3 curl systemd
PYTHONPATH=support exec python3 endurance.py "$@"
