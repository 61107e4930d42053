#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the guest: loads the module, lets everything loose on it, unloads it, and counts what is left.
#
# shellcheck disable=SC3043
#
# FUZZ_COUNT requests of each of two seeds; CHURN_DUMPS of CHURN_SOCKETS, or what CHURN_SECONDS allow:
# from /files/settings.
# Lines "ok   NAME" and "FAIL NAME". Status: 0, 1 when something failed.

module=socketd_diag
ko=/files/$module.ko
failed=0
FUZZ_COUNT=50000
CHURN_SOCKETS=20000
CHURN_DUMPS=200
CHURN_SECONDS=90
# shellcheck disable=SC1091
[ ! -e /files/settings ] || . /files/settings

ok()
{
	echo "ok   $*"
}

fail()
{
	echo "FAIL $*"
	failed=$((failed + 1))
}

# check NAME COMMAND...
check()
{
	local name="$1"

	shift
	if "$@" >/run/said 2>&1; then
		ok "$name"
	else
		fail "$name: $(tail -n 3 /run/said)"
	fi
}

# run SECONDS COMMAND...: a program that prints its own lines; what it says to stderr, and a death, fail it.
run()
{
	local limit="$1" code start

	shift
	start=$(cut -d. -f1 /proc/uptime)
	timeout "$limit" "$@" 2>/run/stderr
	code=$?
	[ ! -s /run/stderr ] || sed 's/^/     /' /run/stderr
	[ $code -eq 0 ] || failed=$((failed + 1))
	[ $code -le 1 ] || echo "FAIL $*: status $code"
	echo "     $*: $(($(cut -d. -f1 /proc/uptime) - start)) s"
}

refcount()
{
	cat /sys/module/$module/refcnt
}

# Ends of processes and sockets take a moment: RCU, work queues.
refcount_is_nought()
{
	local n=0

	while [ "$(refcount)" != 0 ]; do
		n=$((n + 1))
		[ $n -lt 50 ] || { echo "refcount $(refcount)"; return 1; }
		usleep 100000
	done
}

loaded()
{
	[ -e /sys/module/$module ]
}

load()
{
	insmod $ko
}

# What says no must say why: the file and the module are as before.
loads_twice()
{
	! insmod $ko 2>/run/why && grep -q 'File exists' /run/why && loaded && [ "$(grep -c "^$module " /proc/modules)" = 1 ]
}

unloads()
{
	rmmod $module && ! loaded && [ ! -e /proc/net/socketd ]
}

refused_while_busy()
{
	! rmmod $module 2>/run/why && grep -qE 'Resource temporarily|Try again|busy' /run/why && loaded
}

# background COMMAND...: waits until it says "holding"; its pid in $background.
background()
{
	: >/run/holding
	"$@" >/run/holding 2>&1 &
	background=$!
	local n=0
	while ! grep -q holding /run/holding; do
		n=$((n + 1))
		if [ $n -gt 100 ] || ! kill -0 $background 2>/dev/null; then
			fail "$*: $(cat /run/holding)"
			return 1
		fi
		usleep 50000
	done
}

end_background()
{
	kill -KILL $background 2>/dev/null
	wait $background 2>/dev/null
}

load_and_unload()
{
	local i=0

	while [ $i -lt 20 ]; do
		if ! load || ! unloads; then
			echo "round $i"
			return 1
		fi
		i=$((i + 1))
	done
}

busy()
{
	load || { fail "load"; return; }
	check "load twice is refused" loads_twice
	background module_test hold && {
		check "unload during a dump is refused" refused_while_busy
		check "others are answered meanwhile" timeout 60 module_test requests
		kill -STOP $background
		check "a stopped reader holds the module" refused_while_busy
	}
	end_background
	check "after its end nothing holds it" refcount_is_nought
	check "unload" unloads
	check "load again" load

	background module_events hold && {
		check "unload while somebody hears changes" unloads
		check "load, while he still does" load
	}
	end_background

	# The reader gets its line when the module is gone.
	rm -f /run/go && mkfifo /run/go
	module_test proc hold </run/go >/run/holding 2>&1 &
	background=$!
	exec 4>/run/go
	usleep 500000
	check "unload while somebody reads /proc" unloads
	echo >&4
	exec 4>&-
	if wait $background; then
		grep '^ok' /run/holding
	else
		fail "reader of /proc: $(cat /run/holding)"
	fi
	check "without the module a request fails" no_answer
}

no_answer()
{
	module_test hold | grep -q 'error -2 '
}

# Loading and unloading under dumps, readers and listeners, for some seconds.
under_fire()
{
	local i=0 pids='' loads=0

	(while :; do module_test forks 3; done >/dev/null 2>&1) &
	pids="$pids $!"
	(while :; do cat /proc/net/socketd/sockets /proc/net/socketd/fields; done >/dev/null 2>&1) &
	pids="$pids $!"
	(while :; do timeout 2 module_events hold; done >/dev/null 2>&1) &
	pids="$pids $!"
	while [ $i -lt 60 ]; do
		load 2>/dev/null && loads=$((loads + 1))
		usleep 150000
		rmmod $module 2>/dev/null
		i=$((i + 1))
	done
	# shellcheck disable=SC2086
	kill -KILL $pids
	# shellcheck disable=SC2046
	kill -KILL $(pidof module_test) $(pidof module_events) $(pidof cat) 2>/dev/null
	wait 2>/dev/null
	if loaded; then
		check "under fire: nothing holds it" refcount_is_nought
		rmmod $module
	fi
	if ! loaded && [ $loads -gt 5 ]; then
		ok "under fire: $loads loads"
	else
		fail "under fire: $loads loads"
	fi
}

# Objects of what a walk takes references to, after every cache has given back what it can.
slabs()
{
	local dir

	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	echo 3 >/proc/sys/vm/drop_caches
	# Free pages that a CPU keeps for itself are given back before.
	[ ! -e /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
	for dir in /sys/kernel/slab/*; do
		echo 1 >"$dir/shrink" 2>/dev/null
	done
	awk '$1 ~ /^(TCP|TCPv6|UDP|UDPv6|UNIX|UNIX-STREAM|RAW|PING|tw_sock_TCP|request_sock_TCP|sock_inode_cache|proc_inode_cache|task_struct|pid|pid_namespace|user_namespace|files_cache|filp|cred_jar|net_namespace|skbuff_head_cache|skbuff_small_head|radix_tree_node|dentry|kmalloc-.*|signal_cache|mm_struct|inet_peer_cache)$/ { print $1, $2, $4, $5 }' /proc/slabinfo | sort
}

# A leak is one of each request, dump, socket, process or namespace: hundreds at least, mostly many
# thousands. The slab that a CPU allocates from counts as full.
compare_slabs()
{
	awk '
		NR == FNR { before[$1] = $2; next }
		{ grown = $2 - before[$1]; allowed = 150 + 2 * $4; if ($2 / 10 > allowed) allowed = $2 / 10 }
		grown > allowed { printf "%s: %d objects, then %d\n", $1, before[$1], $2; bad = 1 }
		{ bytes += grown * $3; n++ }
		END { printf "%d caches, %d KiB more\n", n, bytes / 1024; exit bad || n < 20 || bytes > 2 * 1024 * 1024 }' \
		/run/slabs.before /run/slabs.after
}

# TIME-WAITs live for a minute.
quiet()
{
	local n=0

	while grep -qE '^TCP: .* tw [1-9]' /proc/net/sockstat; do
		n=$((n + 1))
		[ $n -lt 75 ] || break
		sleep 1
	done
	sleep 1
}

available()
{
	awk '/^MemAvailable:/ { print $2 }' /proc/meminfo
}

memory_is_back()
{
	local after

	after=$(available)
	echo "$1 KiB, then $after KiB"
	[ "$after" -gt $(($1 - 32768)) ]
}

every_kind()
{
	run 60 module_test requests
	run 200 module_test fuzz 1 "$1"
	run 100 module_test forks "$2"
	run 100 module_test namespaces "$3"
	run 60 module_test callers
	run 60 module_test proc
}

echo 0 >/proc/sys/kernel/printk_ratelimit
# TIME-WAITs are dumped, too, and live for a minute: of few only is the first count to be wrong.
echo 50 >/proc/sys/net/ipv4/tcp_max_tw_buckets
check "20 loads and unloads" load_and_unload
busy
# Once before it is counted: much is made at its first use, and stays.
load || fail "load"
every_kind 500 10 8 >/run/first 2>&1 || true
timeout 60 module_test churn 2000 4 30 >>/run/first 2>&1
check "nothing holds it" refcount_is_nought
check "unload" unloads
sleep 1
slabs >/run/slabs.before
before=$(available)
cp /proc/meminfo /out/meminfo.before
echo 2000 >/proc/sys/net/ipv4/tcp_max_tw_buckets

load || fail "load"
run 100 module_events
run 240 module_test churn "$CHURN_SOCKETS" "$CHURN_DUMPS" "$CHURN_SECONDS"
every_kind "$FUZZ_COUNT" 300 200
run 200 module_test fuzz 2 "$FUZZ_COUNT"
check "nothing holds it" refcount_is_nought
check "unload" unloads
under_fire
quiet
slabs >/run/slabs.after
cp /run/slabs.before /run/slabs.after /run/first /out/
check "slabs" compare_slabs
sed 's/^/     /' /run/said
cp /proc/meminfo /out/meminfo.after
check "memory" memory_is_back "$before"
sed 's/^/     /' /run/said
if mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null && [ -e /sys/kernel/debug/kmemleak ]; then
	# Only what two scans in a row find without a pointer to it is a leak.
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak >/out/kmemleak.txt
	if [ -s /out/kmemleak.txt ]; then
		fail "kmemleak: $(head -n 12 /out/kmemleak.txt)"
	else
		ok "kmemleak: nothing"
	fi
fi
dmesg >/out/dmesg.txt
if grep -E 'BUG:|BUG at|WARNING:|Oops|scheduling while atomic|suspicious RCU|refcount_t|Call Trace|leaked' /out/dmesg.txt >/run/said; then
	fail "dmesg: $(cat /run/said)"
else
	ok "dmesg: $(wc -l </out/dmesg.txt) lines, no complaint"
fi
echo "     taint $(cat /proc/sys/kernel/tainted), uptime $(cut -d' ' -f1 /proc/uptime)"
[ $failed -eq 0 ]
