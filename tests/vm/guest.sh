#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a script as root on one of Debian's kernels, in QEMU, and brings back what it wrote.
#
# Nothing is installed and no KVM is needed. The script runs with /files first in PATH; what it
# puts into /out arrives in the directory named by --out, beside:
#   console.log   the kernel's messages          payload.log   the script's stdout and stderr
#   modules.txt   a line a module: ok, builtin, absent (this kernel has no such), failed WHY
# Exit: the script's own status; 124 timeout; 125 the guest, QEMU or the kernel failed (a splat in
# the console is a failure); 77 QEMU or the kernel package cannot be had; 2 wrong usage. A script
# that is to be told from these exits with something else.

# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2034,SC2317

set -u

vm_dir=$(dirname "$(readlink -f "$0")")
work=
series=
payload=
files=()
modules=()
out=
timeout=180
memory=1024
append=
keep=
# One thread a CPU. --single: one for all, for who has the kernel patch code that other CPUs run
# (static keys): across threads the emulator can leave a CPU at the breakpoint that is no more.
threads=multi

warn()
{
	echo "guest.sh: $*" >&2
}

die()
{
	warn "$*"
	exit 125
}

skip()
{
	warn "SKIPPED: $*"
	exit 77
}

# shellcheck source=kernel.sh
. "$vm_dir/kernel.sh"
# shellcheck source=initramfs.sh
. "$vm_dir/initramfs.sh"
# shellcheck source=boot.sh
. "$vm_dir/boot.sh"

usage()
{
	cat <<-END
	usage: guest.sh --kernel 6.1|6.12|6.1-debug --payload SCRIPT --out DIR
	                [--file HOSTPATH[:GUESTPATH]]... [--modules "NAME..."]...
	                [--timeout SECONDS] [--memory MiB] [--append "KERNEL ARGUMENTS"] [--keep] [--single]
	END
}

parse()
{
	local words
	while [ $# -gt 0 ]; do
		case $1 in
		--help) usage; exit 0 ;;
		--keep) keep=1; shift; continue ;;
		--single) threads=single; shift; continue ;;
		esac
		if [ $# -lt 2 ]; then
			usage >&2
			exit 2
		fi
		case $1 in
		--kernel) series=$2 ;;
		--payload) payload=$2 ;;
		--file) files+=("$2") ;;
		--modules) read -ra words <<<"$2"; modules+=("${words[@]}") ;;
		--out) out=$2 ;;
		--timeout) timeout=$2 ;;
		--memory) memory=$2 ;;
		--append) append=$2 ;;
		*) usage >&2; exit 2 ;;
		esac
		shift 2
	done
	if [ -z "$series" ] || [ -z "$payload" ] || [ -z "$out" ] || [[ ! $timeout =~ ^[1-9][0-9]*$ ]]; then
		usage >&2
		exit 2
	fi
	[[ $series =~ ^[0-9]+\.[0-9]+(-debug)?$ ]] || { warn "not a kernel series: $series"; exit 2; }
	[ -f "$payload" ] || { warn "no such script: $payload"; exit 2; }
	mkdir -p "$out" || exit 2
	# Results of an earlier run must not pass for those of this one.
	[ -z "$(ls -A "$out")" ] || { warn "$out is not empty"; exit 2; }
}

need_tools()
{
	local tool
	for tool in qemu-system-x86_64 busybox cpio xz ldd; do
		command -v "$tool" >/dev/null || skip "no $tool here (apt-get install qemu-system-x86 busybox-static cpio xz-utils)"
	done
	if ldd "$(command -v busybox)" 2>/dev/null | grep -q '=>'; then
		skip "busybox is not static (apt-get install busybox-static)"
	fi
}

finish()
{
	boot_stop
	kernel_clean
	if [ -n "$work" ] && [ -z "$keep" ]; then
		rm -rf "$work"
	fi
}

# What there is, also after a failure; the harness's own files last, so nothing can stand in for them.
collect()
{
	local file
	if [ -s "$work/out.tar" ]; then
		tar -C "$out" --no-same-owner -xf "$work/out.tar" || return 1
	fi
	sed -nE 's/^module //p' "$work/status" 2>/dev/null >>"$work/modules.txt"
	for file in console.log payload.log modules.txt; do
		if [ -e "$out/$file" ]; then
			warn "the payload wrote /out/$file, which is the harness's name"
			return 1
		fi
		cp "$work/$file" "$out/$file" 2>/dev/null || : >"$out/$file"
	done
	chmod 755 "$out"
}

report()
{
	local line
	line=$(awk '$2 != "ok" && $2 != "builtin" { printf "%s%s %s", sep, $1, $2; sep = ", " }' "$work/modules.txt")
	echo "guest $kernel_release: exit $(status_of exit), up $(status_of uptime) s, wall $SECONDS s, initramfs $(($(stat -c %s "$work/initramfs.cpio") / 1024)) KiB, out $(stat -c %s "$work/out.tar") bytes${line:+; modules: $line}"
}

main()
{
	local code
	parse "$@"
	need_tools
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	kernel_get "$series" || skip "no kernel $series: apt has no package of it (apt-get update?) or it did not download"
	work=$(mktemp -d "${TMPDIR:-/tmp}/socketd-vm.XXXXXX") || exit 125
	initramfs_build
	boot_run
	boot_verdict
	code=$?
	collect || code=1
	if [ $code -ne 0 ]; then
		case $boot_rc in
		124 | 137) exit 124 ;;
		*) exit 125 ;;
		esac
	fi
	report
	if [ "$(status_of exit)" = timeout ]; then
		warn "the payload was stopped: no end after $timeout s"
		exit 124
	fi
	exit "$(status_of exit)"
}

main "$@"
