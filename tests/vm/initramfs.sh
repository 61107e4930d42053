# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the guest's root: busybox, the given files with their libraries, the modules asked for.
# shellcheck shell=bash disable=SC2154
#
# Sourced by guest.sh, after kernel.sh. Needs $work; fills $work/root, $work/initramfs.cpio and
# $work/modules.txt (one line a module the kernel has built in, or does not have at all).

initramfs_root=
declare -A module_path module_builtin module_seen

initramfs_skeleton()
{
	initramfs_root=$work/root
	mkdir -p "$initramfs_root"/usr/{bin,sbin,lib,lib64,lib32} "$initramfs_root"/{dev,proc,sys,run,tmp,var,etc,root,out,files,modules}
	chmod 755 "$initramfs_root" "$initramfs_root/files"
	chmod 1777 "$initramfs_root/tmp" "$initramfs_root/out"
	ln -s usr/bin usr/sbin usr/lib usr/lib64 usr/lib32 "$initramfs_root"
	ln -s ../run "$initramfs_root/var/run"

	cp -L "$(command -v busybox)" "$initramfs_root/usr/bin/busybox"
	install -m 755 "$vm_dir/init" "$initramfs_root/init"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/:/bin/sh' >"$initramfs_root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$initramfs_root/etc/group"
	printf '%s\n' 'passwd: files' 'group: files' 'hosts: files' >"$initramfs_root/etc/nsswitch.conf"
	printf '%s\n' '127.0.0.1 localhost guest' '::1 localhost' >"$initramfs_root/etc/hosts"
	cp -L /etc/protocols /etc/services "$initramfs_root/etc/" 2>/dev/null || true
}

# The libraries and the loader that a dynamic program names, at the path it names them by.
initramfs_libraries()
{
	local lib
	ldd "$1" 2>/dev/null | sed -nE 's,^[^/]*(/[^ ]+) \(0x[0-9a-f]+\)$,\1,p' | while read -r lib; do
		[ -e "$initramfs_root$lib" ] && continue
		mkdir -p "$initramfs_root${lib%/*}"
		cp -L "$lib" "$initramfs_root$lib"
	done
}

# HOSTPATH[:GUESTPATH]; without a guest path it goes to /files, which stands first in PATH.
initramfs_file()
{
	local from=${1%%:*} to=
	[ "$from" = "$1" ] || to=${1#*:}
	[ -n "$to" ] || to=/files/${from##*/}
	[ -f "$from" ] || die "no such file: $from"
	mkdir -p "$initramfs_root${to%/*}"
	cp -L "$from" "$initramfs_root$to" || die "cannot copy $from"
	if ldd "$from" 2>/dev/null | grep -q 'not found'; then
		die "$from lacks a library: $(ldd "$from" | grep -m 1 'not found')"
	fi
	initramfs_libraries "$from"
}

# The package has no modules.dep (depmod writes it at installation), and kmod need not be there:
# each module names its own dependencies in .modinfo.
module_index()
{
	local path name
	while read -r path; do
		name=${path##*/}
		name=${name%%.ko*}
		module_path[${name//-/_}]=$path
	done < <(find "$kernel_modules/kernel" -name '*.ko' -o -name '*.ko.xz')
	while read -r path; do
		name=${path##*/}
		name=${name%.ko}
		module_builtin[${name//-/_}]=1
	done <"$kernel_modules/modules.builtin"
}

module_unpack()
{
	case $1 in
	*.xz) xz -dc "$1" >"$2" ;;
	*) cp "$1" "$2" ;;
	esac
}

# Adds a module after what it depends on. $2: says that a user asked for it by this name.
module_add()
{
	local name=${1//-/_} asked=${2:-} file info dep
	[ -z "${module_seen[$name]:-}" ] || return 0
	module_seen[$name]=1
	if [ -n "${module_builtin[$name]:-}" ]; then
		[ -z "$asked" ] || echo "$name builtin" >>"$work/modules.txt"
		return 0
	fi
	if [ -z "${module_path[$name]:-}" ]; then
		echo "$name absent" >>"$work/modules.txt"
		return 0
	fi

	file=$initramfs_root/modules/$name.ko
	module_unpack "${module_path[$name]}" "$file" || die "cannot unpack module $name"
	info=$(LC_ALL=C grep -aozE '^(depends|softdep)=[ -~]*' "$file" | tr '\0' '\n')
	for dep in $(sed -n 's/^depends=//p' <<<"$info" | tr ',' ' '); do
		module_add "$dep"
	done
	# "pre: crc32c" names an algorithm: its portable implementation is crc32c_generic.
	for dep in $(sed -nE 's/^softdep=pre: //p' <<<"$info" | tr '\n' ' '); do
		dep=${dep//-/_}
		[ -n "${module_path[$dep]:-}" ] || dep=${dep}_generic
		[ -z "${module_path[$dep]:-}" ] || module_add "$dep"
	done
	echo "$name" >>"$initramfs_root/modules/order"
}

# Needs: payload, files[], modules[].
initramfs_build()
{
	local item
	initramfs_skeleton
	: >"$work/modules.txt"
	install -m 755 "$payload" "$initramfs_root/payload"
	for item in "${files[@]}"; do
		initramfs_file "$item"
	done

	module_index
	# Results leave through virtio ports: these come first and must be there.
	for item in virtio_pci virtio_console; do
		module_add "$item"
	done
	for item in "${modules[@]}"; do
		module_add "$item" asked
	done
	(cd "$initramfs_root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initramfs.cpio" ||
		die "cannot write the initramfs"
}
