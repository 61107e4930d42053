#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds and runs every test, the short ones first. As root on Debian 12; installs what it needs.
#   tests/run.sh [PART...]     parts: build sanitize fuzz bench vm (all, in this order)
# FUZZ_SECONDS (20) for each fuzz target; BENCH_SOCKETS (100000).
set -u
cd "$(dirname "$0")/.." || exit 1
parts=" ${*:-build sanitize fuzz bench vm} "
passed=0
failed=0
skipped=0

EXTRA_PACKAGES="python3 iproute2 lsof util-linux dbus dbus-bin dbus-daemon libglib2.0-bin python3-dbus polkitd systemd scdoc netbase zsh fish"
[[ $parts != *" fuzz "* ]] || EXTRA_PACKAGES+=" clang libclang-rt-14-dev"
[[ $parts != *" vm "* ]] || EXTRA_PACKAGES+=" qemu-system-x86 busybox-static cpio xz-utils make sparse"
[[ $parts != *" vm "* ]] || EXTRA_PACKAGES+=" mmdebstrap squashfs-tools kmod dpkg-dev debhelper dh-dkms lintian"
export EXTRA_PACKAGES

# step NAME COMMAND...: 0 passed, 77 skipped, else failed; what it says is shown as it comes.
step()
{
	local name=$1 start=$SECONDS code
	shift
	echo "=== $name"
	"$@"
	code=$?
	case $code in
	0) passed=$((passed + 1)) ;;
	77) skipped=$((skipped + 1)); echo "*** SKIPPED: $name: the reason is above" ;;
	*) failed=$((failed + 1)); echo "*** FAILED: $name (exit $code)" ;;
	esac
	echo "=== $name: $((SECONDS - start)) s"
	return $code
}

# suite DIR [MESON OPTION...]: builds in DIR with warnings as errors and runs the meson tests, without those of $without.
suite()
{
	local dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$dir" --prefix=/usr -Dwerror=true "$@" >/dev/null || return 1
	ninja -C "$dir" >"$dir/ninja.log" 2>&1 || { tail -n 40 "$dir/ninja.log"; return 1; }
	meson test -C "$dir" --no-rebuild --print-errorlogs ${without:+--no-suite "$without"}
}

# Other work on the machine moves the figures: a time may be twice its budget here, the memory may not.
bench()
{
	[ -f build-bench/build.ninja ] || meson setup build-bench --buildtype=release -Dman=disabled >/dev/null || return 1
	ninja -C build-bench >build-bench/ninja.log 2>&1 || { tail -n 40 build-bench/ninja.log; return 1; }
	tests/bench/run.py --build build-bench --sockets "${BENCH_SOCKETS:-100000}" --reps 3 --slack 2 --cpu-seconds 30
}

# The module's guests have one thread each: one for each kernel, beside each other.
module_guests()
{
	local kernel code=0 pids=() kernels=(6.1 6.12) one i

	for kernel in "${kernels[@]}"; do
		MODULE_SECONDS=${MODULE_SECONDS:-60} tests/vm/test_module.sh build-test "$kernel" >"build-test/module-$kernel.log" 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}"
		one=$?
		[ $one -eq 0 ] || [ $code -eq 1 ] || code=$one
		cat "build-test/module-${kernels[i]}.log"
	done
	return $code
}

step setup ./build.sh --only-setup || exit 1
if [[ $parts == *" build "* ]]; then
	step "build and tests" suite build-test
fi
if [[ $parts == *" sanitize "* ]]; then
	without=foreign step "the same under ASan and UBSan" suite build-sanitize -Db_sanitize=address,undefined -Db_lundef=false -Dman=disabled
fi
if [[ $parts == *" fuzz "* ]]; then
	step fuzz tests/fuzz/run.sh "${FUZZ_SECONDS:-20}"
fi
if [[ $parts == *" bench "* ]]; then
	step "budgets" bench
fi
if [[ $parts == *" vm "* ]]; then
	[ -f build-test/build.ninja ] || step "build for the guests" suite build-test
	step "guests with Linux 6.1 and 6.12" tests/vm/test_vm.sh build-test
	step "the module in guests with Linux 6.1 and 6.12" module_guests
	step "budgets of the module" tests/bench/module_run.py --build build-test
	step "packages, and a guest with systemd" tests/vm/system.sh
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
