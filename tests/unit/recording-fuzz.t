#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The reader of recordings, with what libFuzzer makes of small ones: FUZZ_SECONDS, 20 by default. make fuzz does the same for longer.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

fuzzer=$PWD/build/fuzz/recording maker=$PWD/build/unit/recording
for file in "$fuzzer" "$maker"; do
	[ -x "$file" ] || skip_all "$file is not there: make unit, with libclang-rt-19-dev"
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus" && "$maker" corpus "$work/corpus"
ok $? "small recordings are written"
small=("$work"/corpus/*)
ok "$((${#small[@]} < 10))" "of each observer" "${small[*]}"
timeout 600 nice "$fuzzer" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=20 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
	-artifact_prefix="$work/" "$work/corpus" >"$work/log" 2>&1
ok $? "nothing that it tries is too much for the reader" "$(grep -v '^#[0-9]*[[:space:]]*\(NEW\|REDUCE\|pulse\)' "$work/log" | tail -40)"
runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$work/log")
# A slow machine does some hundreds a second.
ok "$((${runs:-0} < 1000))" "it tries enough" "${runs:-nothing}"
diag "${runs:-no} executions"
done_testing
