#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the Debian packages, and tries them on a Debian 12 with systemd as PID 1, in QEMU.
#
# usage: system.sh [--debs DIR] [--keep DIR]
#
# The packages are built from a copy of the tree (--debs: these, without building and lintian), the
# guest boots Linux 6.1 and installs them as a user does. What is tried is in system_guest_*.py, a line
# a check. Exit: 0, 1 when something failed, 77 when there is no QEMU, kernel or archive.

# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2034,SC2154,SC2317

set -u

vm_dir=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$vm_dir/../..")
debs=
keep=
timeout=600
failed=0
qemu=

warn()
{
	echo "system.sh: $*" >&2
}

die()
{
	warn "$*"
	exit 1
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
# shellcheck source=system_root.sh
. "$vm_dir/system_root.sh"

while [ $# -ge 2 ]; do
	case $1 in
	--debs) debs=$2 ;;
	--keep) keep=$2 ;;
	*) break ;;
	esac
	shift 2
done
if [ $# -gt 0 ]; then
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
fi
for tool in qemu-system-x86_64 mmdebstrap mksquashfs unsquashfs busybox cpio xz depmod dpkg-buildpackage lintian; do
	command -v $tool >/dev/null || skip "no $tool here (tests/run.sh has the list of packages)"
done
[ "$(id -u)" -eq 0 ] || skip "only root can make the guest's root"
work=$(mktemp -d "${TMPDIR:-/tmp}/socketd-system.XXXXXX") || exit 1

finish()
{
	boot_stop
	kernel_clean
	root_clean
	if [ -n "$keep" ]; then
		mkdir -p "$keep" && cp -a "$work"/*.log "$work"/debs "$keep/" 2>/dev/null
	fi
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# check NAME COMMAND...
check()
{
	local name=$1 start=$SECONDS
	shift
	if "$@" >"$work/check.log" 2>&1; then
		echo "ok   $name ($((SECONDS - start)) s)"
	else
		echo "FAIL $name ($((SECONDS - start)) s)"
		tail -n 40 "$work/check.log" | sed 's/^/     /'
		failed=1
		return 1
	fi
}

# What is or would be committed, so that nothing that lies about in the tree goes in.
copy_tree()
{
	mkdir -p "$work/src" && cd "$top" &&
		git -c "safe.directory=$top" ls-files -z --cached --others --exclude-standard >"$work/files" &&
		tar --ignore-failed-read --null -cf - -T "$work/files" | tar -C "$work/src" -xf -
}

build_packages()
{
	(cd "$work/src" && dpkg-buildpackage -us -uc -b >"$work/deb.log" 2>&1) || { tail -n 40 "$work/deb.log"; return 1; }
	mkdir "$work/debs" && mv "$work"/*.deb "$work/debs/"
}

no_lintian_errors()
{
	lintian --allow-root --fail-on error,warning "$debs"/*.deb
}

# $1 no more exposed than $2, as systemd-analyze(1) rates the unit file of the package.
exposure()
{
	local unit=$1 most=$2 code
	dpkg-deb -x "$debs"/socketd_*.deb "$work/unpacked" &&
		systemd-analyze security --offline=yes --threshold="$(echo "$most" | tr -d .)" "$work/unpacked/lib/systemd/system/$unit" >"$work/exposure.log"
	code=$?
	grep exposure "$work/exposure.log"
	return "$code"
}

# The module's package is installed before the boot, in a chroot: DKMS compiles twenty times as fast there as
# on an emulated processor, and the boot is the first after its installation, so that modules-load.d is tried.
install_module()
{
	local root=$work/root
	# DKMS reads /proc and /dev/fd; the mounts end with the namespace.
	DEBIAN_FRONTEND=noninteractive unshare --mount --propagation private sh -c 'mount -t proc proc "$1/proc" &&
		mount --rbind /dev "$1/dev" && exec chroot "$1" apt-get install -y /guest/debs/socketd-dkms.deb' sh "$root" </dev/null || return 1
	[ -s "$root/lib/modules/$kernel_release/updates/dkms/socketd_diag.ko" ]
}

# The guest's root: the cached one, the packages, the test and the unit that runs it.
root_prepare()
{
	local package tree=$work/root unit=$work/root/etc/systemd/system/guest-test.service
	unsquashfs -no-progress -quiet -d "$tree" "$root_image" >/dev/null || return 1
	mkdir -p "$tree/guest/debs" "$tree/etc/systemd/system/multi-user.target.wants"
	for package in socketd sockctl socketd-dkms; do
		cp "$debs/${package}"_*.deb "$tree/guest/debs/$package.deb" || return 1
	done
	cp "$vm_dir"/system_guest*.py "$tree/guest/"
	cat >"$unit" <<-'END'
		[Unit]
		Description=What the guest is for
		After=dbus.socket systemd-user-sessions.service
		[Service]
		Environment=LANG=C.UTF-8 HOME=/root
		ExecStart=/usr/bin/python3 /guest/system_guest.py
		ExecStopPost=/bin/sh -c 'echo "EXIT=$EXIT_STATUS" >/dev/ttyS1; sync; printf "\\052" | dd of=/dev/port bs=1 seek=244'
		StandardOutput=file:/dev/ttyS1
		StandardError=file:/dev/ttyS1
	END
	ln -s ../guest-test.service "$tree/etc/systemd/system/multi-user.target.wants/"
}

root_pack()
{
	mksquashfs "$work/root" "$work/root.squashfs" -noI -noD -noF -noX -no-progress -quiet >/dev/null 2>&1 && rm -rf "$work/root"
}

initrd_build()
{
	local module
	initramfs_skeleton
	install -m 755 "$vm_dir/system_init" "$initramfs_root/init"
	: >"$work/modules.txt"
	module_index
	for module in virtio_pci virtio_blk squashfs overlay; do
		module_add $module
	done
	(cd "$initramfs_root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initramfs.cpio"
}

boot()
{
	timeout -k 5 "$timeout" qemu-system-x86_64 \
		-accel tcg,thread=multi -cpu max -smp 2 -m 2048 -nodefaults -display none -monitor none -no-reboot \
		-kernel "$kernel_image" -initrd "$work/initramfs.cpio" \
		-append "console=ttyS0 loglevel=6 panic=-1 oops=panic cryptomgr.notests systemd.show_status=0" \
		-drive "file=$work/root.squashfs,if=virtio,format=raw,readonly=on" \
		-serial "file:$work/console.log" -serial "file:$work/guest.log" \
		-device isa-debug-exit,iobase=0xf4,iosize=0x01 >"$work/qemu.log" 2>&1 </dev/null &
	boot_pid=$!
	wait "$boot_pid"
	boot_rc=$?
	boot_pid=
}

# 85 is what the guest's last word makes of QEMU's exit.
verdict()
{
	tr -d '\r' <"$work/guest.log" | grep -v '^EXIT='
	if grep -qaE "$boot_splats" "$work/console.log"; then
		warn "the kernel complained:"
		grep -aE -m 1 -B 2 -A 25 "$boot_splats" "$work/console.log" | tr -d '\r' >&2
		return 1
	fi
	if [ "$boot_rc" -ne 85 ]; then
		warn "the guest came to no regular end ($boot_rc): $(tail -n 3 "$work/qemu.log" "$work/console.log")"
		return 1
	fi
	grep -q '^EXIT=0' "$work/guest.log"
}

kernel_get 6.1 headers || skip "no kernel 6.1 whose headers can be had (apt-get update?)"
root_get || skip "no Debian 12 with systemd: mmdebstrap had no success (apt-get update?)"
if [ -z "$debs" ]; then
	copy_tree || die "cannot copy the tree"
	check "packages" build_packages || exit 1
	debs=$work/debs
	check "lintian has no word to say" no_lintian_errors
fi
check "exposure of socketd.service" exposure socketd.service 1.9
check "exposure of socketd-netns.service" exposure socketd-netns.service 1.9
root_prepare || die "cannot unpack the root"
check "DKMS builds and installs the module of socketd-dkms for $kernel_release" install_module || exit 1
root_pack || die "cannot pack the root"
initrd_build || die "no initramfs"
start=$SECONDS
boot
verdict || failed=1
echo "guest $kernel_release with systemd: $((SECONDS - start)) s; all: $SECONDS s"
exit $failed
