#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the guest: holds the zoo and writes down what sockctl, ss and /proc say of it meanwhile.
#
# shellcheck disable=SC3043
#
# Status: 0; 1 when a command failed, /out/failed.txt says which and why; 2 when there was no zoo.

failed=0
PATH=$PATH:/files/build/cli:/files/build/daemon

# try OUTPUT COMMAND...: stdout to /out/OUTPUT.
try()
{
	local file="$1"

	shift
	if "$@" >"/out/$file" 2>/run/stderr; then
		cat /run/stderr >&2
		return 0
	fi
	echo "$* (status $?): $(cat /run/stderr)" >>/out/failed.txt
	echo "FAILED: $*: $(cat /run/stderr)"
	failed=$((failed + 1))
	return 1
}

# What the zoo takes when the machine is its own. Each says by itself that it is missing.
prepare()
{
	# As systemd sets it: ping sockets for everybody.
	echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
	if ip link add zoo0 type dummy && ip addr add 198.18.0.2/24 dev zoo0 && ip link set zoo0 up; then
		ip route add 198.51.100.0/24 via 198.18.0.1 dev zoo0
	fi
	if ip link add vcan0 type vcan; then
		ip link set vcan0 up
	fi
	export ZOO_GUEST=1
	mkdir -p /run/net-cgroup
	if mount -t cgroup -o net_cls,net_prio cgroup /run/net-cgroup; then
		export ZOO_NET_CGROUP=/run/net-cgroup
	fi
}

start_zoo()
{
	local n=0

	mkfifo /run/zoo.in
	: >/out/zoo.json
	zoo </run/zoo.in >/out/zoo.json 2>/out/zoo.err &
	zoo=$!
	exec 3>/run/zoo.in
	# Its document is one line, the newline comes last.
	while [ "$(wc -l </out/zoo.json)" -lt 1 ]; do
		if ! kill -0 $zoo 2>/dev/null || [ $n -gt 600 ]; then
			echo "no zoo after $n/10 s: $(cat /out/zoo.err)" | tee -a /out/failed.txt
			exit 2
		fi
		usleep 100000
		n=$((n + 1))
	done
	echo "zoo: $n/10 s"
}

# A file of /proc that this kernel lacks is no failure.
copy_proc()
{
	local name

	mkdir -p /out/proc
	for name in tcp tcp6 udp udp6 raw raw6 icmp icmp6 udplite udplite6 unix netlink packet \
		sctp/eps sctp/assocs sctp/remaddr protocols sockstat sockstat6 snmp; do
		if [ -e "/proc/net/$name" ]; then
			cat "/proc/net/$name" >"/out/proc/$(echo $name | tr / -)"
		fi
	done
}

# The closing states end after a minute, so sockctl, which is what this is about, comes first.
run_sockctl()
{
	command -v sockctl >/dev/null || return 0
	try record.txt sockctl --direct record /out/zoo.skd
	try show.json sockctl --direct show -a --json
	try replay.json sockctl --file /out/zoo.skd show -a --json
	try show.txt sockctl --direct show -a
	[ ! -x /files/build/daemon/socketd ] || try show-daemon.json sockctl show -a --json
}

# A daemon that stays: what it says of the module, and of where owners come from.
run_daemon()
{
	local daemon n=0

	socketd >/out/socketd.log 2>&1 &
	daemon=$!
	until [ -S /run/socketd/private ] || [ $n -gt 100 ]; do
		usleep 100000
		n=$((n + 1))
	done
	# The second asks behind the first pass with owners.
	try module-listing.txt sockctl show -a
	sleep 2
	try module-status.txt sockctl status
	kill $daemon
	wait $daemon
}

# Every field of every socket, by the module and by the daemon; then somebody without rights.
run_module()
{
	[ -f /files/socketd_diag.ko ] || return 0
	try insmod.txt insmod /files/socketd_diag.ko || return 0
	cat /proc/net/socketd/fields >/out/fields.txt
	try module-internals.json sockctl --direct internals state all --json
	try module-show.json sockctl --direct show -a --json
	try module-internals-daemon.json sockctl internals state all --json
	try module-show-daemon.json sockctl show -a --json
	try module-record.txt sockctl --direct record /out/module.skd
	run_daemon
	cat /proc/net/socketd/sockets >/out/sockets.txt
	chmod 755 /files /files/build /files/build/cli /files/build/daemon
	# There is no system bus, and the daemon's own socket is root's: what nobody may ask is the kernel.
	try module-nobody.json su -s /bin/sh nobody -c '/files/build/cli/sockctl --direct show -a --json'
	try module-nobody-internals.json su -s /bin/sh nobody -c \
		"/files/build/cli/sockctl --direct internals state all --json"
	su -s /bin/sh nobody -c 'cat /proc/net/socketd/sockets' >/out/sockets-nobody.txt
	rmmod socketd_diag || { echo "rmmod: status $?" | tee -a /out/failed.txt; failed=$((failed + 1)); }
}

run_ss()
{
	local family

	for family in tcp udp raw unix packet sctp dccp mptcp vsock tipc xdp; do
		try "ss-$family.txt" ss -O -a -n -e -i -m -o "--$family"
	done
	try ss-netlink.txt ss -O -a -n -e -m -f netlink
	try ss-all.txt ss -O -atuxwn0S --dccp --vsock --tipc --xdp -e -i -m
	try ss-summary.txt ss -s
}

prepare
start_zoo
run_sockctl
run_module
run_ss
copy_proc
exec 3>&-
wait $zoo || { echo "zoo: status $?" | tee -a /out/failed.txt; failed=$((failed + 1)); }
[ $failed -eq 0 ]
