#!/usr/bin/env bash
# An upstream nobody here wrote: Postfix's smtpd with a certificate. Mail arrives over verified STARTTLS; with the wrong
# authority or the wrong name it is deferred with the failing check in the log, and nothing is sent in clear.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
# Without it the package starts a Postfix of its own on port 25.
echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
install_packages python3 openssl postfix
PYTHONPATH=support exec python3 postfix.py
