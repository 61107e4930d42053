#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the module for each kernel, and tries in a guest whether it can be hurt, or hurts.
#
# usage: test_module.sh BUILD_DIR [KERNEL...]
#
# W=1 and sparse have no word to say; then tests/module/payload.sh in one boot a kernel, and in another
# events.sh: MODULE_CONNECTIONS (5000) that a monitor must tell of. Fewer with
# MODULE_FUZZ (50000 requests of each of two seeds), MODULE_SOCKETS (20000) and MODULE_DUMPS (200);
# where 200 dumps take longer than MODULE_SECONDS (90) there are fewer, and the line says how many.
# VM_KEEP=DIR keeps what the guests handed back. Exit: 0, 1 when something failed, 77 skipped.

set -u

here=$(dirname "$(readlink -f "$0")")
build=${1:-$here/../../build}
shift $(($# ? 1 : 0))
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
dir=$(mktemp -d "${TMPDIR:-/tmp}/socketd-test-module.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

# check NAME COMMAND...: 77 skips everything, loudly.
check()
{
	local name=$1 code
	shift
	"$@" >"$dir/log" 2>&1
	code=$?
	case $code in
	0) echo "ok   $name" ;;
	77) cat "$dir/log" >&2; exit 77 ;;
	*)
		echo "FAIL $name"
		sed 's/^/     /' "$dir/log"
		failed=1
		return 1
		;;
	esac
}

trouble()
{
	local kernel=$1 code
	"$here/guest.sh" --kernel "$kernel" --payload "$here/../module/payload.sh" --out "$dir/$kernel" \
		--file "$dir/ko-$kernel/kmod/socketd_diag.ko:/files/socketd_diag.ko" --file "$dir/settings" \
		--file "$build/tests/module/module_test" --file "$build/tests/module/module_events" \
		--modules "inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag" \
		--timeout 900 --memory 2048 --single >"$dir/guest.log" 2>&1
	code=$?
	[ $code -ne 77 ] || { cat "$dir/guest.log" >&2; exit 77; }
	sed -n "s/^ok   /ok   $kernel /p; s/^FAIL /FAIL $kernel /p; /^     /p" "$dir/$kernel/payload.log" 2>/dev/null
	if [ $code -ne 0 ]; then
		echo "FAIL $kernel guest: exit $code"
		sed 's/^/     /' "$dir/guest.log"
		failed=1
	else
		tail -n 1 "$dir/guest.log"
	fi
}

# Short connections while a monitor of the daemon listens: each told once, with its owner.
events()
{
	local kernel=$1 code
	"$here/guest.sh" --kernel "$kernel" --payload "$here/events.sh" --out "$dir/$kernel-events" \
		--file "$dir/ko-$kernel/kmod/socketd_diag.ko:/files/socketd_diag.ko" --file "$dir/settings" \
		--file "$build/cli/sockctl:/files/build/cli/sockctl" --file "$build/daemon/socketd:/files/build/daemon/socketd" \
		--file "$build/tests/module/module_connections" \
		--modules "inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag" \
		--timeout 400 --memory 2048 --single >"$dir/guest.log" 2>&1
	code=$?
	[ $code -ne 77 ] || { cat "$dir/guest.log" >&2; exit 77; }
	if [ $code -ne 0 ]; then
		echo "FAIL $kernel events, guest: exit $code"
		sed 's/^/     /' "$dir/guest.log" "$dir/$kernel-events/payload.log"
		failed=1
		return
	fi
	tail -n 1 "$dir/guest.log"
	sed 's/^/     /' "$dir/$kernel-events/payload.log"
	cd "$dir/$kernel-events" || exit 1
	check "$kernel events, two namespaces" "$here/check_events.py" both.json own.truth other.truth
	check "$kernel events, the module unloaded" "$here/check_events.py" --brief without.json without.truth
	check "$kernel events, the module back" "$here/check_events.py" again.json again.truth
	check "$kernel events, a missing one would be seen" missing_is_seen again
	cd "$here" || exit 1
}

# The checker itself: without one of the closings it must fail.
missing_is_seen()
{
	sed '0,/"event":"closed"/{/"event":"closed"/d}' "$1.json" >missing.json
	! "$here/check_events.py" missing.json "$1.truth"
}

for program in tests/module/module_test tests/module/module_events tests/module/module_connections cli/sockctl daemon/socketd; do
	if [ ! -x "$build/$program" ]; then
		echo "test_module.sh: no $build/$program" >&2
		exit 1
	fi
done
build=$(readlink -f "$build")
printf 'FUZZ_COUNT=%s\nCHURN_SOCKETS=%s\nCHURN_DUMPS=%s\nCHURN_SECONDS=%s\nCONNECTIONS=%s\n' "${MODULE_FUZZ:-50000}" "${MODULE_SOCKETS:-20000}" \
	"${MODULE_DUMPS:-200}" "${MODULE_SECONDS:-90}" "${MODULE_CONNECTIONS:-5000}" >"$dir/settings"
for kernel in "${kernels[@]}"; do
	check "$kernel module, sparse" "$here/module.sh" --sparse "$kernel" "$dir/sparse-$kernel"
	rm -rf "$dir/sparse-$kernel"
	check "$kernel module, W=1" "$here/module.sh" "$kernel" "$dir/ko-$kernel" || continue
	trouble "$kernel"
	events "$kernel"
done
if [ -n "${VM_KEEP:-}" ]; then
	mkdir -p "$VM_KEEP" && cp -a "$dir"/. "$VM_KEEP"/
fi
exit $failed
