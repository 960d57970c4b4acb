#!/usr/bin/env bash
# libFuzzer on every parser that reads what strangers send: fuzz.sh [SECONDS PER TARGET, 60 by default]
# The corpus starts from the mails of Tests/CorpusTests and grows in .build-fuzz/corpus; finds lie in .build-fuzz/finds.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
# In the gate each run is the same; by hand each one is another.
seed=$([ -n "${CI:-}" ] && echo 1 || echo 0)
# Swift's own crash handler would come before libFuzzer's, which keeps the input.
export TRACERELAY_FUZZ=1 SWIFT_BACKTRACE=enable=no
mkdir -p .build-fuzz/finds .build-fuzz/seeds/mails
for mail in Tests/CorpusTests/Cases/*/message.eml; do
    [ "$(stat -c %s "$mail")" -gt 20000 ] || cp "$mail" ".build-fuzz/seeds/mails/$(basename "$(dirname "$mail")")"
done
run() {
    local name=$1 seeds=$2 longest=$3
    swift build -c release --sanitize fuzzer --scratch-path .build-fuzz --product "fuzz-$name" 2>&1 | tail -1
    mkdir -p ".build-fuzz/corpus/$name"
    # shellcheck disable=SC2086
    if ! .build-fuzz/release/"fuzz-$name" -seed="$seed" -max_total_time="$seconds" -max_len="$longest" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix=".build-fuzz/finds/$name-" -print_final_stats=1 ".build-fuzz/corpus/$name" $seeds \
        >".build-fuzz/$name.log" 2>&1; then
        tail -40 ".build-fuzz/$name.log"
        echo "FAILED: fuzz-$name; the input is kept in .build-fuzz/finds"
        exit 1
    fi
    echo "fuzz-$name: $(grep -o 'DONE.*' ".build-fuzz/$name.log" | tail -1) $(grep number_of_executed_units ".build-fuzz/$name.log")"
}
run mime .build-fuzz/seeds/mails 8192
run html .build-fuzz/seeds/mails 8192
run encodings .build-fuzz/seeds/mails 4096
run trace-header "" 1024
run token "" 1024
run smtp .build-fuzz/seeds/mails 4096
