#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows that guest.sh tells a failure from a success, whatever it is that fails.
#
# Exit: 0, 1 when a case came out otherwise, 77 when there is no QEMU or no kernel package.

set -u

here=$(dirname "$(readlink -f "$0")")
series=${1:-6.1}
dir=$(mktemp -d "${TMPDIR:-/tmp}/socketd-guest.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
failed=0

# expect NAME CODE SCRIPT [ARGUMENTS of guest.sh]
expect()
{
	local name=$1 want=$2 code
	printf '#!/bin/sh\n%s\n' "$3" >"$dir/payload"
	shift 3
	"$here/guest.sh" --kernel "$series" --payload "$dir/payload" --out "$dir/$name" "$@" >"$dir/$name.log" 2>&1
	code=$?
	if [ $code -eq 77 ]; then
		cat "$dir/$name.log" >&2
		exit 77
	fi
	if [ $code -eq "$want" ]; then
		echo "ok   $name: exit $code"
	else
		echo "FAIL $name: exit $code, wanted $want"
		sed 's/^/     /' "$dir/$name.log"
		failed=1
	fi
}

check()
{
	local name=$1
	shift
	if "$@"; then
		echo "ok   $name"
	else
		echo "FAIL $name: $*"
		failed=1
	fi
}

same_sum()
{
	[ "$(sha256sum <"$1")" = "$(cat "$2")" ]
}

running()
{
	grep -qsa "qemu-system.*$dir/socketd-vm" /proc/[0-9]*/cmdline
}

# Nothing of a run may stay behind: neither the process nor the directory of the guest.
no_leftovers()
{
	[ -z "$(ls -d "$dir"/socketd-vm.* 2>/dev/null)" ] && ! running
}

export TMPDIR=$dir

echo content >"$dir/given"
expect bytes 0 '
dd if=/dev/urandom of=/out/big bs=1M count=8 2>/dev/null
sha256sum </out/big >/out/sum
mkdir "/out/a dir"; printf "x\0y\r\n" >"/out/a dir/raw"
echo printed
[ "$(cat /files/given)$(cat /etc/other)" = contentcontent ] && [ "$(id -un)" = root ] && grep -q "^dummy " /proc/modules' \
	--file "$dir/given" --file "$dir/given:/etc/other" --modules "dummy no-such-module"
check 'bytes: 8 MiB arrive as they were' same_sum "$dir/bytes/big" "$dir/bytes/sum"
check 'bytes: NUL and CR arrive' cmp -s "$dir/bytes/a dir/raw" <(printf 'x\0y\r\n')
check 'bytes: output is in payload.log' grep -qx printed "$dir/bytes/payload.log"
check 'bytes: loaded module is told' grep -qx 'dummy ok' "$dir/bytes/modules.txt"
check 'bytes: missing module is told' grep -qx 'no_such_module absent' "$dir/bytes/modules.txt"

expect status 3 'exit 3'
expect splat 125 'echo "BUG: unable to handle a test" >/dev/kmsg; exit 0'
expect panic 125 'echo c >/proc/sysrq-trigger; sleep 30; exit 0'
expect powered_off 125 'echo o >/proc/sysrq-trigger; sleep 30; exit 0'
expect qemu_fails 125 'exit 0' --memory none
expect reserved_name 125 'echo nothing wrong here >/out/console.log'
expect hangs 124 'echo partial >/out/partial; sleep 1000' --timeout 12
check 'hangs: what was written before arrives' grep -qx partial "$dir/hangs/partial"
# The guest's own watch is stopped as well: the host's ends it.
expect hangs_hard 124 'kill -STOP $(pidof timeout); sleep 1000' --timeout 12
expect timeout_nought 2 'exit 0' --timeout 0
mkdir "$dir/used" && touch "$dir/used/zoo.json"
expect used 2 'exit 0'

mkdir "$dir/bin"
ln -s /usr/bin/* /bin/* "$dir/bin/" 2>/dev/null
rm -f "$dir"/bin/qemu-system-x86_64
PATH=$dir/bin "$here/guest.sh" --kernel "$series" --payload "$dir/payload" --out "$dir/no_qemu" 2>"$dir/no_qemu.log"
check 'without QEMU: skipped' [ $? -eq 77 ]
check 'without QEMU: said' grep -q 'SKIPPED: no qemu-system-x86_64' "$dir/no_qemu.log"
XDG_CACHE_HOME=$dir/cache "$here/guest.sh" --kernel 6.99 --payload "$dir/payload" --out "$dir/no_kernel" 2>"$dir/no_kernel.log"
check 'without a kernel: skipped' [ $? -eq 77 ]
check 'without a kernel: said' grep -q 'SKIPPED: no kernel 6.99' "$dir/no_kernel.log"

# ^C, as a terminal sends it: to the whole group. -m gives the job a group and its default signals.
printf '#!/bin/sh\nsleep 100\n' >"$dir/payload"
set -m
"$here/guest.sh" --kernel "$series" --payload "$dir/payload" --out "$dir/interrupted" >/dev/null 2>&1 &
sleep 4
check '^C: it was running' running
kill -INT -- -$!
wait $!
check '^C: its own exit code' [ $? -eq 130 ]
set +m
check 'nothing left behind' no_leftovers

exit $failed
