#!/usr/bin/env bash
# Adds a case to the corpus and shows what the relay makes of it, for review:
#   add-case.sh NAME MAIL "what must happen, and the section that says so" [POLICY]
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 64; }
cases=$(cd "$(dirname "$0")/Cases" && pwd)
mkdir "$cases/$1"
cp "$2" "$cases/$1/message.eml"
printf '%s\n' "$3" >"$cases/$1/about.txt"
[ $# -lt 4 ] || cp "$4" "$cases/$1/policy.conf"
cd "$cases/../../.."
TRACERELAY_CORPUS=update swift test --filter CorpusTests.everyCaseComesOutAsItWasReviewed
cat "$cases/$1/expected.txt"
diff -a "$cases/$1/message.eml" "$cases/$1/expected.eml" || true
git status --short "$cases"
