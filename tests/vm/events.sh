#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the guest: many short connections while a monitor listens, with the module, without it, and with it again.
#
# shellcheck disable=SC3043
#
# CONNECTIONS in our own namespace, a fifth of them in another: from /files/settings. What happened is in
# /out/*.truth, what was told in /out/*.json: check_events.py compares them. Status: 0, 1 when a step failed.

failed=0
CONNECTIONS=5000
PATH=$PATH:/files/build/cli:/files/build/daemon
# shellcheck disable=SC1091
[ ! -e /files/settings ] || . /files/settings

fail()
{
	echo "FAIL $*"
	failed=$((failed + 1))
}

# until_says SECONDS TEXT COMMAND...
until_says()
{
	local n=0 limit="$1" text="$2"

	shift 2
	until "$@" 2>&1 | grep -qE "$text"; do
		n=$((n + 1))
		if [ $n -gt $((limit * 5)) ]; then
			fail "no \"$text\" in: $("$@" 2>&1)"
			return 1
		fi
		usleep 200000
	done
}

uptime_now()
{
	cut -d' ' -f1 /proc/uptime
}

# monitor NAME: in the background; its pid in $monitor.
monitor()
{
	sockctl monitor -t --json -C netid,state,local,local_port,peer,peer_port,cookie,inode,netns,pid,comm,uid,tcpi_segs_out \
		>"/out/$1.json" 2>"/out/$1.err" &
	monitor=$!
}

# Everything that was told is printed: nothing is added for a second and more (a closing may be held back for one).
settle()
{
	local last=-1 now

	while :; do
		now=$(stat -c %s "/out/$1.json")
		[ "$now" != "$last" ] || break
		last=$now
		usleep 2500000
	done
}

end_monitor()
{
	settle "$1"
	kill -INT $monitor
	wait $monitor || fail "monitor $1: $(cat "/out/$1.err")"
}

# connections NAME N [netns]
connections()
{
	local name="$1" begin end

	shift
	begin=$(uptime_now)
	module_connections "$@" >"/out/$name.truth" || fail "connections $name"
	end=$(uptime_now)
	echo "$name: $1 connections in $(echo "$begin $end" | awk '{ print $2 - $1 }') s"
}

cat >/run/socketd.conf <<END
[Socketd]
IntervalMaxSec=2s
MonitorQueueMax=64M
END
insmod /files/socketd_diag.ko || fail insmod
socketd --config=/run/socketd.conf >/out/socketd.log 2>&1 &
daemon=$!
until_says 20 'Module' sockctl status || { cat /out/socketd.log; exit 1; }

# Another namespace, which the daemon knows of before anything happens in it.
mkfifo /run/go
module_connections $((CONNECTIONS / 5)) netns </run/go >/out/other.truth 2>/out/other.err &
other=$!
exec 4>/run/go

monitor both
until_says 30 'state changes are heard.*2 namespaces' sockctl status
sockctl status >/out/status-heard.txt
# The daemon sleeps for a while: what queues up meanwhile is told all the same.
(sleep 4; kill -STOP $daemon; sleep 3; kill -CONT $daemon) &
sleeper=$!
connections own "$CONNECTIONS"
wait $sleeper
echo >&4
exec 4>&-
wait $other || fail "connections other: $(cat /out/other.err)"
settle both
sockctl status >/out/status-after.txt
kill -0 $monitor || fail "the monitor is gone"

# Gone while somebody listens, and back.
rmmod socketd_diag || fail rmmod
until_says 20 'state changes are not heard' sockctl status
end_monitor both
monitor without
sleep 3
connections without 50
end_monitor without
monitor again
sleep 1
insmod /files/socketd_diag.ko || fail "insmod again"
until_says 20 'state changes are heard' sockctl status
connections again 200
end_monitor again
kill -0 $daemon || fail "the daemon is gone"
kill $daemon
wait $daemon || fail "socketd: status $?"
rmmod socketd_diag || fail "rmmod at the end"
dmesg >/out/dmesg.txt
[ $failed -eq 0 ]
