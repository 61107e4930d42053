# SPDX-License-Identifier: LGPL-2.1-or-later
# Finds Debian's kernel package of a series and unpacks it into a cache, nothing is installed.
# shellcheck shell=bash disable=SC2034,SC2154
#
# What is in the cache is used for ever: remove it to have a later kernel of the series.
# Sourced by guest.sh. kernel_get SERIES sets kernel_release, kernel_image, kernel_modules.

kernel_new=
kernel_cache=${XDG_CACHE_HOME:-$HOME/.cache}/socketd-vm

# The package names of a series: the plain amd64 flavour of a released or back-ported kernel.
kernel_pattern()
{
	case $1 in
	6.1) echo '^linux-image-6\.1\.0-[0-9]+-amd64$' ;;
	*-debug) echo "^linux-image-${1//./\\.}\$" ;; # of debug_kernel.sh
	*) echo "^linux-image-${1//./\\.}\\.[0-9]+([+][a-z0-9.]+)?-amd64\$" ;;
	esac
}

# Whether a module can be built for a release: its headers are installed, or the archive has them.
kernel_has_headers()
{
	[ -e "/lib/modules/$1/build/Makefile" ] || apt-cache pkgnames "linux-headers-$1" | grep -qxF "linux-headers-$1"
}

# Unpacked packages of a series, newest first.
kernel_unpacked()
{
	local pattern
	pattern=$(kernel_pattern "$1")
	{ ls "$kernel_cache" 2>/dev/null || true; } | { grep -E "$pattern" || true; } | sort -rV
}

# The newest unpacked one that a module can be built for, else the newest; empty when there is none.
kernel_cached()
{
	local package
	for package in $(kernel_unpacked "$1"); do
		kernel_has_headers "${package#linux-image-}" && echo "$package" && return
	done
	kernel_unpacked "$1" | head -n 1
}

# Unpacks package $1; the name appears in the cache only when it is whole.
kernel_unpack()
{
	local package=$1
	kernel_new=$(mktemp -d "$kernel_cache/.new.XXXXXX") || return 1
	if (cd "$kernel_new" && apt-get -qq -o APT::Sandbox::User=root download "$package" >&2) &&
	   dpkg-deb -x "$kernel_new"/*.deb "$kernel_new/root" &&
	   [ -n "$(ls "$kernel_new"/root/boot/vmlinuz-* 2>/dev/null)" ]; then
		kernel_merge_usr "$kernel_new/root"
		kernel_plain_image "$kernel_new/root"
		mv -T "$kernel_new/root" "$kernel_cache/$package"
	fi
	kernel_clean
	[ -d "$kernel_cache/$package" ]
}

# Also called when a signal ends the script in the middle.
kernel_clean()
{
	[ -z "$kernel_new" ] || rm -rf "$kernel_new"
	kernel_new=
}

# Later packages carry usr/lib/modules, earlier ones lib/modules.
kernel_merge_usr()
{
	if [ -d "$1/usr/lib/modules" ] && [ ! -e "$1/lib" ]; then
		ln -s usr/lib "$1/lib"
	fi
}

# An xz-packed kernel takes seconds to unpack itself under emulation. QEMU starts the bare ELF
# image through its PVH entry, so it is unpacked here, once; where that fails vmlinuz is used.
kernel_plain_image()
{
	local image offset
	image=$(echo "$1"/boot/vmlinuz-*)
	offset=$(LC_ALL=C grep -aboP '\xfd7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
	[ -n "$offset" ] || return 0
	tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream >"$1/boot/vmlinux" 2>/dev/null &&
		return 0
	rm -f "$1/boot/vmlinux"
}

# $2: only a package whose headers can be had.
kernel_fetch()
{
	local series=$1 with_headers=${2:-} pattern package
	pattern=$(kernel_pattern "$series")
	mkdir -p "$kernel_cache" || return 1
	for package in $(apt-cache pkgnames "linux-image-$series" | grep -E "$pattern" | sort -rV | head -n 3); do
		[ -z "$with_headers" ] || kernel_has_headers "${package#linux-image-}" || continue
		echo "vm: fetching $package" >&2
		kernel_unpack "$package" && return 0
	done
	return 1
}

# Sets kernel_release, kernel_image and kernel_modules; 1 when the package cannot be had.
# $2: one with headers; a package in the cache that has none any more is passed over.
kernel_get()
{
	local series=$1 with_headers=${2:-} package root
	mkdir -p "$kernel_cache" || return 1
	exec {lock}>"$kernel_cache/.lock"
	flock "$lock"
	package=$(kernel_cached "$series")
	if [ -z "$package" ] || { [ -n "$with_headers" ] && ! kernel_has_headers "${package#linux-image-}"; }; then
		kernel_fetch "$series" "$with_headers"
		package=$(kernel_cached "$series")
	fi
	exec {lock}>&-
	[ -n "$package" ] || return 1

	root=$kernel_cache/$package
	kernel_release=${package#linux-image-}
	kernel_modules=$root/lib/modules/$kernel_release
	kernel_image=$root/boot/vmlinux
	[ -s "$kernel_image" ] || kernel_image=$root/boot/vmlinuz-$kernel_release
}
