#!/usr/bin/env bash
# libFuzzer on every parser that reads what strangers send: fuzz.sh [SECONDS PER TARGET, 60 by default]
#
# Tests/Fuzz/Corpus holds what earlier searches found worth keeping: each run reads it, and the mails of Tests/CorpusTests,
# before it searches. What a search finds new grows in .build-fuzz/corpus; what breaks a law lies in .build-fuzz/finds.
#
#   fuzz.sh --keep    takes into Tests/Fuzz/Corpus what reaches code that nothing there reaches, for review and commit
#
# A find becomes a case of Tests/CorpusTests (add-case.sh) or a unit test, and its input a file of Tests/Fuzz/Corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
keeps=
[ "${1:-}" != --keep ] || { keeps=yes && shift; }
# The gate replays, and runs a few seconds of each, the same each time; the search is made by hand, each time another one.
seconds=${1:-$([ -n "${CI:-}" ] && echo 6 || echo 60)}
seed=$([ -n "${CI:-}" ] && echo 1 || echo 0)
# Swift's own crash handler would come before libFuzzer's, which keeps the input.
export TRACERELAY_FUZZ=1 SWIFT_BACKTRACE=enable=no
kept=Tests/Fuzz/Corpus
mails=.build-fuzz/seeds/mails
mkdir -p .build-fuzz/finds "$mails"
for mail in Tests/CorpusTests/Cases/*/message.eml; do
    [ "$(stat -c %s "$mail")" -gt 20000 ] || cp "$mail" "$mails/$(basename "$(dirname "$mail")")"
done
fuzz() {
    local name=$1
    shift
    if ! ".build-fuzz/release/fuzz-$name" -timeout=10 -rss_limit_mb=2048 -artifact_prefix=".build-fuzz/finds/$name-" "$@" \
        >".build-fuzz/$name.log" 2>&1; then
        tail -40 ".build-fuzz/$name.log"
        echo "FAILED: fuzz-$name; the input is kept in .build-fuzz/finds"
        exit 1
    fi
}
run() {
    local name=$1 longest=$2
    shift 2
    swift build -c release --sanitize fuzzer --scratch-path .build-fuzz --product "fuzz-$name" 2>&1 | tail -1
    mkdir -p ".build-fuzz/corpus/$name" "$kept/$name"
    if [ -n "$keeps" ]; then
        # Small files only, and those that reach code, not those that reach it more often.
        local merged=.build-fuzz/merged/$name before=.build-fuzz/merged/$name.before
        rm -rf "$merged" && mkdir -p "$merged"
        find "$kept/$name" "$@" -type f -exec cp -t "$merged" {} +
        ls "$merged" >"$before"
        fuzz "$name" -merge=1 -use_counters=0 -max_len=2048 "$merged" ".build-fuzz/corpus/$name"
        ls "$merged" | comm -13 "$before" - | while read -r found; do cp "$merged/$found" "$kept/$name/"; done
        echo "fuzz-$name: $(find "$kept/$name" -type f | wc -l) files kept, $(du -bs "$kept/$name" | cut -f1) octets"
        return
    fi
    fuzz "$name" -runs=0 "$kept/$name" "$@"
    fuzz "$name" -seed="$seed" -max_total_time="$seconds" -max_len="$longest" -print_final_stats=1 \
        ".build-fuzz/corpus/$name" "$kept/$name" "$@"
    echo "fuzz-$name: $(grep -o 'DONE.*' ".build-fuzz/$name.log" | tail -1) $(grep number_of_executed_units ".build-fuzz/$name.log")"
}
run mime 8192 "$mails"
run html 8192 "$mails"
run encodings 4096 "$mails"
run trace-header 1024
run token 1024
run smtp 4096 "$mails"
