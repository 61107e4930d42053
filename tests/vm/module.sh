#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the kernel module for the kernel that a guest of a series boots, and prints where it is.
#
# usage: module.sh [--sparse] 6.1|6.12|6.1-debug [DIR]
#
# Works on a copy in DIR (else a new directory under TMPDIR, which is the caller's to remove), so
# the tree stays clean. W=1, and a warning is a failure; with --sparse so is a word of sparse.
# Exit: 0; 1 it does not build or something warns; 77 no headers or no compiler; 2 wrong usage.

# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2154

set -u

vm_dir=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$vm_dir/../..")
sparse=
made=

# shellcheck source=kernel.sh
. "$vm_dir/kernel.sh"

skip()
{
	echo "module.sh: SKIPPED: $*" >&2
	exit 77
}

fail()
{
	echo "module.sh: $*" >&2
	[ -z "$made" ] || rm -rf "$made"
	exit 1
}

# /lib/modules/RELEASE/build, from Debian's package when this is root.
headers_get()
{
	local build=/lib/modules/$kernel_release/build
	[ ! -e "$build/Makefile" ] || return 0
	[ "$(id -u)" -eq 0 ] || skip "no $build, and only root can install linux-headers-$kernel_release"
	echo "vm: installing linux-headers-$kernel_release" >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "linux-headers-$kernel_release" >&2 </dev/null
	[ -e "$build/Makefile" ] || skip "linux-headers-$kernel_release cannot be installed (apt-get update?)"
}

copy_tree()
{
	rm -rf "$dir/kmod" "$dir/include"
	mkdir -p "$dir/kmod" && cp -a "$top/include" "$dir/" || return 1
	# The sources, not what a make in the tree may have left there.
	find "$top/kmod" -maxdepth 1 -type f ! -name '.*' ! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' \
		! -name 'Module.symvers' ! -name 'modules.order' -exec cp -a -t "$dir/kmod" {} +
}

# The notice about BTF is no warning: the headers do not have the kernel's types.
complaints()
{
	grep -aE 'warning|Warning|WARNING|error:|(\.c|\.h):[0-9]+:[0-9]+:' "$dir/build.log" | grep -vE 'Skipping BTF generation'
}

case ${1:-} in
--sparse) sparse=1; shift ;;
esac
if [ $# -lt 1 ] || [ $# -gt 2 ] || [[ ! $1 =~ ^[0-9]+\.[0-9]+(-debug)?$ ]]; then
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
fi
for tool in make gcc ld; do
	command -v $tool >/dev/null || skip "no $tool here (apt-get install build-essential)"
done
[ -z "$sparse" ] || command -v sparse >/dev/null || skip "no sparse here (apt-get install sparse)"
kernel_get "$1" headers || skip "no kernel $1 whose headers can be had (apt-get update?)"
headers_get

if [ $# -eq 2 ]; then
	dir=$2
	mkdir -p "$dir" || fail "cannot make $dir"
	dir=$(readlink -f "$dir")
else
	dir=$(mktemp -d "${TMPDIR:-/tmp}/socketd-module.XXXXXX") || fail "no directory"
	made=$dir
fi
copy_tree || fail "cannot copy the sources"
if ! make -C "/lib/modules/$kernel_release/build" M="$dir/kmod" W=1 ${sparse:+C=2} modules >"$dir/build.log" 2>&1 </dev/null; then
	tail -n 40 "$dir/build.log" >&2
	fail "the module does not build for $kernel_release"
fi
if complaints >"$dir/complaints" || [ -s "$dir/complaints" ]; then
	cat "$dir/complaints" >&2
	fail "warnings for $kernel_release"
fi
[ -s "$dir/kmod/socketd_diag.ko" ] || fail "no socketd_diag.ko"
made=
echo "$dir/kmod/socketd_diag.ko"
