#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds a kernel that finds mistakes: KASAN, lockdep, RCU's and sleep's checks, kmemleak.
#
# usage: debug_kernel.sh 6.1|6.12 DIR
#
# From Debian's linux-source package, with debug.config, in DIR (3 GiB, half an hour of two
# cores), for "test_module.sh BUILD 6.1-debug" and "capture.sh --kernel 6.1-debug". Not part of
# the tests that run by themselves. As root: /lib/modules/6.1-debug/build leads to the tree.
# Remove it with rm -r DIR /lib/modules/6.1-debug and the directory that is printed at the end.

set -eu

here=$(dirname "$(readlink -f "$0")")
if [ $# -ne 2 ] || [[ ! $1 =~ ^[0-9]+\.[0-9]+$ ]]; then
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
fi
series=$1
release=$series-debug
cache=${XDG_CACHE_HOME:-$HOME/.cache}/socketd-vm/linux-image-$release
mkdir -p "$2"
cd "$2"

apt-get -qq install -y --no-install-recommends "linux-source-$series" build-essential flex bison bc libelf-dev libssl-dev >&2
[ -d "linux-source-$series" ] || tar -xf "/usr/src/linux-source-$series.tar.xz"
cd "linux-source-$series"
make -s tinyconfig
scripts/kconfig/merge_config.sh -m .config "$here/debug.config" >/dev/null
make -s olddefconfig
# What a newer kernel has renamed or made dependent would be missing without a word.
while read -r option; do
	grep -qxF "$option" .config || { echo "debug_kernel.sh: $option is not in effect" >&2; exit 1; }
done < <(grep -E '^CONFIG_(KASAN|PROVE_LOCKING|PROVE_RCU|DEBUG_ATOMIC_SLEEP|DEBUG_KMEMLEAK|MODULES|VIRTIO_CONSOLE|VIRTIO_PCI|PCI_MSI)=y' "$here/debug.config")
make -j"$(nproc)" bzImage modules >build.log 2>&1 || { tail -n 20 build.log >&2; exit 1; }

rm -rf "$cache"
mkdir -p "$cache/boot" "$cache/lib/modules/$release/kernel" "/lib/modules/$release"
cp arch/x86/boot/bzImage "$cache/boot/vmlinuz-$release"
cp modules.builtin "$cache/lib/modules/$release/"
ln -sfn "$PWD" "/lib/modules/$release/build"
echo "$cache"
