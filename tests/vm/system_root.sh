# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes Debian 12 with systemd as PID 1 for a guest: a squashfs in the cache of the kernels.
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced by system.sh, after kernel.sh and kernel_get. Sets root_image. The name has a sum of all
# that goes in: another list of packages, or another kernel, is another image; older ones are removed.

# What a user's machine has before ours are installed; a compiler and headers, because DKMS builds the module there.
root_packages=(
	systemd systemd-sysv dbus udev kmod polkitd iproute2 netbase procps python3 python3-dbus
	dkms gcc make libmnl0 libnl-3-200 libnl-genl-3-200 libnl-route-3-200 libjson-c5 libinih1
)
# Services that only cost an emulated processor its time.
root_masked=(
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
	getty@tty1.service serial-getty@ttyS0.service ldconfig.service systemd-firstboot.service systemd-hwdb-update.service
	systemd-journal-flush.service systemd-pstore.service systemd-random-seed.service systemd-timesyncd.service
	systemd-udev-settle.service systemd-udev-trigger.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
)
# Of the kernel's modules those that sockets, namespaces and the tests may want.
root_modules=(net lib crypto arch/x86/crypto drivers/net/dummy.ko drivers/net/veth.ko)
root_new=

root_clean()
{
	[ -z "$root_new" ] || rm -rf "$root_new"
	root_new=
}

# The host's own sources, by file: no name of a mirror is written here.
root_sources()
{
	local file
	for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
		[ ! -s "$file" ] || { echo "$file"; return 0; }
	done
	return 1
}

root_bootstrap()
{
	local to=$1 exclude=() path
	for path in doc man locale; do
		exclude+=(--dpkgopt="path-exclude=/usr/share/$path/*")
	done
	mmdebstrap --quiet --variant=minbase --mode=root "${exclude[@]}" --dpkgopt=force-unsafe-io \
		--aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Check-Valid-Until "false"' \
		--include="$(IFS=,; echo "${root_packages[*]},linux-headers-$kernel_release")" \
		bookworm "$to" "$(root_sources)" >&2
}

# The modules that are asked for, and what a boot does not need taken away.
root_furnish()
{
	local to=$1 modules=$1/lib/modules/$kernel_release part unit
	# Our own packages come with their pages, so only what is there already stays without.
	rm -f "$to"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$to"/etc/apt/sources.list.d/* "$to"/etc/apt/sources.list
	rm -rf "$to"/var/cache/apt/*.bin "$to"/var/cache/apt/archives/*.deb "$to"/var/lib/apt/lists/*
	echo force-unsafe-io >"$to/etc/dpkg/dpkg.cfg.d/guest"
	mkdir -p "$modules/kernel"
	for part in "${root_modules[@]}"; do
		[ ! -e "$kernel_modules/kernel/$part" ] || (cd "$kernel_modules/kernel" && cp -a --parents "$part" "$modules/kernel/") || return 1
	done
	cp "$kernel_modules"/modules.builtin* "$kernel_modules/modules.order" "$modules/" && depmod -b "$to" "$kernel_release" || return 1
	for unit in "${root_masked[@]}"; do
		ln -sf /dev/null "$to/etc/systemd/system/$unit"
	done
	ln -sf /lib/systemd/system/multi-user.target "$to/etc/systemd/system/default.target"
	echo guest >"$to/etc/hostname"
	printf '127.0.0.1 localhost guest\n::1 localhost\n' >"$to/etc/hosts"
	# Not empty: a first boot would ask for much.
	echo 0123456789abcdef0123456789abcdef >"$to/etc/machine-id"
	chroot "$to" useradd --create-home --shell /bin/bash alice &&
		chroot "$to" useradd --create-home --shell /bin/bash bob
}

# 1 when it cannot be made: no mmdebstrap, no archive.
root_get()
{
	local sum lock start=$SECONDS
	mkdir -p "$kernel_cache" || return 1
	sum=$( { declare -f root_bootstrap root_furnish; echo "${root_packages[*]} ${root_masked[*]} ${root_modules[*]} $kernel_release"; } |
		sha256sum | cut -c1-16)
	root_image=$kernel_cache/system-$sum.squashfs
	exec {lock}>"$kernel_cache/.system-lock"
	flock "$lock"
	if [ ! -s "$root_image" ]; then
		root_sources >/dev/null || return 1
		echo "vm: making a Debian 12 with systemd" >&2
		root_new=$(mktemp -d "$kernel_cache/.new-root.XXXXXX") || return 1
		root_bootstrap "$root_new/root" && root_furnish "$root_new/root" &&
			# Not compressed: an emulated processor would have to unpack it.
			mksquashfs "$root_new/root" "$root_new/image" -noI -noD -noF -noX -no-progress -quiet >&2 &&
			rm -f "$kernel_cache"/system-*.squashfs && mv "$root_new/image" "$root_image"
		root_clean
		[ ! -s "$root_image" ] || echo "vm: $(du -m "$root_image" | cut -f1) MiB in $((SECONDS - start)) s" >&2
	fi
	exec {lock}>&-
	[ -s "$root_image" ]
}
