#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The zoo on other kernels than the host's: what sockctl said in the guest must be what the zoo made.
#
# usage: test_vm.sh BUILD_DIR [KERNEL...]
#
# Boots each kernel and compares, on the host: the live reading, the recording replayed in the
# guest, the same recording replayed here, the daemon's answer, and ss; then the same with the
# kernel module loaded, and every field that it tells. Then the unit tests run there: those of
# source and track ask the kernel itself.
# VM_KEEP=DIR keeps what the guests handed back. Exit: 0, 1 when something differs, 77 skipped.

set -u

here=$(dirname "$(readlink -f "$0")")
build=${1:-$here/../../build}
shift $(($# ? 1 : 0))
kernels=("$@")
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
dir=$(mktemp -d "${TMPDIR:-/tmp}/socketd-test-vm.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

# check NAME COMMAND...
check()
{
	local name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		echo "ok   $name: $(tail -n 1 "$dir/log")"
	else
		echo "FAIL $name"
		sed 's/^/     /' "$dir/log"
		failed=1
	fi
}

# The diag handlers that Debian builds; 6.1 has none for XDP. One that does not load would make
# its family disappear from both sides of every comparison.
modules_loaded()
{
	local kernel=$1 name list
	list='inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag mptcp_diag
		sctp_diag dccp_diag vsock_diag smc_diag'
	case $kernel in
	6.1) list="$list diag" ;;
	*) list="$list tipc_diag xsk_diag" ;;
	esac
	for name in $list; do
		grep -qx "$name ok" "$dir/$kernel/modules.txt" || { echo "no $name"; return 1; }
	done
	echo "$list" | wc -w
}

zoo()
{
	python3 "$here/../cli/zoo_compare.py" --saved "$dir/$1/zoo.json" "$2"
}

internals()
{
	python3 "$here/../cli/zoo_module.py" --internals "$dir/$1/zoo.json" "$2" "$dir/$1/checked.json"
}

# The same once more with the kernel module: its fields, the families that only it lists, owners by it.
compare_module()
{
	local kernel=$1 document
	for document in module-show module-show-daemon; do
		check "$kernel zoo, $document" python3 "$here/../cli/zoo_compare.py" --saved --module \
			"$dir/$kernel/zoo.json" "$dir/$kernel/$document.json"
		check "$kernel owners, /proc and $document" python3 "$here/../cli/zoo_module.py" --owners \
			"$dir/$kernel/show.json" "$dir/$kernel/$document.json"
	done
	for document in module-internals module-internals-daemon; do
		check "$kernel fields, $document" internals "$kernel" "$dir/$kernel/$document.json"
	done
	check "$kernel a wrong field would be seen" python3 "$here/../cli/zoo_module.py" --mutants \
		"$dir/$kernel/zoo.json" "$dir/$kernel/module-internals.json"
	check "$kernel fields, nobody" python3 "$here/../cli/zoo_module.py" --nobody \
		"$dir/$kernel/zoo.json" "$dir/$kernel/module-nobody-internals.json"
	for document in module.skd sockets.txt; do
		check "$kernel keys, $document" python3 "$here/../cli/zoo_module.py" --secrets "$dir/$kernel/zoo.json" \
			"$dir/$kernel/$document"
	done
	check "$kernel owners are the module's" grep -h "by the kernel module" "$dir/$kernel/module-status.txt"
	check "$kernel text in /proc" "$here/compare_text.py" "$dir/$kernel"
}

compare()
{
	local kernel=$1 document
	check "$kernel modules" modules_loaded "$kernel"
	for document in show replay show-daemon; do
		check "$kernel zoo, $document" zoo "$kernel" "$dir/$kernel/$document.json"
	done
	if "$build/cli/sockctl" --file "$dir/$kernel/zoo.skd" show -a --json >"$dir/$kernel/here.json"; then
		check "$kernel zoo, recording replayed here" zoo "$kernel" "$dir/$kernel/here.json"
	else
		echo "FAIL $kernel: the recording cannot be replayed here"
		failed=1
	fi
	[ ! -s "$dir/$kernel/fields.txt" ] || compare_module "$kernel"
	check "$kernel ss" "$here/compare_ss.py" --ss "$dir/$kernel/ss-all.txt" --json "$dir/$kernel/show.json"
}

# The fixtures are where the program was told when it was built. Three suites need what the guest has not:
# the helper's program, devices of its own, and a host with other processes in its namespace.
unit_tests()
{
	local kernel=$1 fixtures=() file suites
	suites=$(sed -n 's/^\tSUITE(\([a-z0-9_]*\)).*/\1/p' "$here/../unit/suites.h" |
		grep -vx -e netns_door -e source_links -e source_acquire_netns | tr '\n' ' ')
	while read -r file; do
		fixtures+=(--file "$file:$file")
	done < <(find "$(readlink -f "$here/../fixtures")" -type f)
	cat >"$dir/unit-$kernel.sh" <<-END
		#!/bin/sh
		ifconfig lo up
		ulimit -n 20000
		unit $suites
	END
	"$here/guest.sh" --kernel "$kernel" --payload "$dir/unit-$kernel.sh" --out "$dir/$kernel-unit" --file "$build/tests/unit:/usr/bin/unit" \
		"${fixtures[@]}" --modules "inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag mptcp_diag" \
		--timeout 240 --memory 2048 || { tail -n 30 "$dir/$kernel-unit/payload.log"; return 1; }
	grep -o "tests .*" "$dir/$kernel-unit/payload.log"
}

unit_ended()
{
	local code
	wait "$1"
	code=$?
	cat "$2"
	return $code
}

unit_pids=()
for program in cli/sockctl daemon/socketd tests/unit; do
	if [ ! -x "$build/$program" ]; then
		echo "test_vm.sh: no $build/$program" >&2
		exit 1
	fi
done
for kernel in "${kernels[@]}"; do
	# Without a module that can be built here the rest is still worth its time.
	ko=$("$here/module.sh" "$kernel" "$dir/module-$kernel")
	code=$?
	module=(--ko "$ko")
	if [ $code -eq 77 ]; then
		echo "*** SKIPPED: $kernel with the kernel module: the reason is above"
		module=()
	elif [ $code -ne 0 ]; then
		echo "FAIL $kernel: the kernel module does not build"
		failed=1
		module=()
	fi
	"$here/capture.sh" --build "$build" --out "$dir" --kernel "$kernel" "${module[@]}"
	code=$?
	[ $code -ne 77 ] || exit 77
	[ $code -eq 0 ] || failed=1
	if [ -s "$dir/$kernel/show.json" ]; then
		compare "$kernel"
	elif [ $code -eq 0 ]; then
		echo "FAIL $kernel: no document"
		failed=1
	fi
done
# One thread is busy in each: beside each other.
for kernel in "${kernels[@]}"; do
	unit_tests "$kernel" >"$dir/unit-$kernel.log" 2>&1 &
	unit_pids[$!]=$kernel
done
for pid in "${!unit_pids[@]}"; do
	kernel=${unit_pids[$pid]}
	check "$kernel unit tests" unit_ended "$pid" "$dir/unit-$kernel.log"
done
if [ "${kernels[*]}" = "6.1 6.12" ] && [ -s "$dir/6.1/checked.json" ] && [ -s "$dir/6.12/checked.json" ]; then
	check "docs/fields-coverage.md" python3 "$here/../check/coverage.py" --captures "$dir"
fi
if [ -n "${VM_KEEP:-}" ]; then
	mkdir -p "$VM_KEEP" && cp -a "$dir"/. "$VM_KEEP"/
fi
exit $failed
