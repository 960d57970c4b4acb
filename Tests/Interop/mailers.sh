#!/usr/bin/env bash
# Mailers nobody here wrote: smtplib, JavaMail, swaks and openssl s_client send; what arrives is read by Python's email
# package, links are clicked with curl.
set -euo pipefail
cd "$(dirname "$0")"
. support/install.sh
packages=(python3 curl openssl swaks libnet-ssleay-perl libauthen-sasl-perl libmail-java)
command -v java >/dev/null && command -v javac >/dev/null || packages+=(default-jdk-headless)
install_packages "${packages[@]}"
PYTHONPATH=support exec python3 mailers.py
