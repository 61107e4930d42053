#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what the build needs (Debian 12, as root), builds, and shows the sockets of this machine.
#   ./build.sh               set up, build, show
#   ./build.sh --only-build  set up and build
#   ./build.sh --only-setup  set up
set -eu
cd "$(dirname "$0")"

packages="gcc libc6-dev meson ninja-build pkg-config libmnl-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libsystemd-dev libjson-c-dev libcunit1-dev libinih-dev"

say() { printf '%s\n' "$*" >&2; }

missing=""
for p in $packages ${EXTRA_PACKAGES:-}; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $p"
done
if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		say "build.sh: these packages are missing:$missing"
		say "build.sh: install them (apt-get install$missing), or run this as root"
		exit 1
	fi
	say "build.sh: installing$missing"
	apt-get -qq update >&2
	# shellcheck disable=SC2086 # a list of words
	DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $missing >/dev/null
fi
[ "${1:-}" = --only-setup ] && exit 0

if [ ! -f build/build.ninja ]; then
	meson setup build --prefix=/usr >/dev/null
fi
ninja -C build >&2
[ "${1:-}" = --only-build ] && exit 0

build/cli/sockctl show --no-pager
cat >&2 <<'END'

These are the sockets of this machine, as socketd told them. Go on with:
  build/cli/sockctl show -tulpn          what listens, and who owns it
  build/cli/sockctl show :443            everything on a port
  build/cli/sockctl show 'state established and rtt > 20ms'
  build/cli/sockctl help                 all there is
  build/cli/sockctl describe             every field
END
