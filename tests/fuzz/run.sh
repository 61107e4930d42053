#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the libFuzzer targets with clang, ASan and UBSan, and runs each for some seconds.
#   tests/fuzz/run.sh [SECONDS] [TARGET...]      20 s, all targets
# New inputs stay in a folder of the build and are thrown away with it; a crash is kept and named.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
[ $# -gt 0 ] && shift
targets=${*:-decode sight filter stream config}
build=build-fuzz

if [ ! -f $build/build.ninja ]; then
	CC=clang meson setup $build -Dwerror=true -Dfuzz=true -Dman=disabled -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
fi
for t in $targets; do
	ninja -C $build "tests/fuzz/fuzz_$t" >/dev/null
done

# fuzz TARGET: its last lines, or its finding. Two run at a time.
fuzz()
{
	t=$1
	mkdir -p "$build/corpus/$t"
	# Both read the same messages.
	given=$t
	[ "$t" != sight ] || given=decode
	# A recording is larger than a message or a filter.
	case $t in
	stream) most=140000 ;;
	filter) most=4200 ;;
	*) most=4096 ;;
	esac
	if "$build/tests/fuzz/fuzz_$t" -max_total_time="$seconds" -max_len=$most -rss_limit_mb=4096 \
		-artifact_prefix="$build/crash-$t-" "$build/corpus/$t" "tests/fuzz/corpus/$given" >"$build/$t.log" 2>&1; then
		echo "fuzz_$t: $(grep -E '^Done|^#[0-9]+.DONE' "$build/$t.log" | tr '\n' ' ')"
	else
		echo "fuzz_$t: a finding:"
		tail -n 40 "$build/$t.log"
		return 1
	fi
}

passed=0
failed=0
ended()
{
	if wait "$1"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

before=
for t in $targets; do
	fuzz "$t" &
	[ -z "$before" ] || ended "$before"
	before=$!
done
[ -z "$before" ] || ended "$before"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
