#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the guest: 20 000 TCP sockets, dumped by tcp_diag and by the module; their owners by the module and by /proc.
#
# shellcheck disable=SC3043

n=$(cat /files/sockets)
reps=$(cat /files/reps)
insmod /files/socketd_diag.ko || exit 1
mkfifo /run/hold.in
hold --sockets "$n" --processes 20 --no-netns </run/hold.in >/run/hold.out &
hold=$!
exec 3>/run/hold.in
until grep -q ready /run/hold.out; do
	kill -0 $hold 2>/dev/null || { echo "hold ended"; exit 1; }
	usleep 100000
done
cat /run/hold.out
# In turns: what else the machine does meets all of them.
while [ "$reps" -gt 0 ]; do
	module_bench || exit 1
	proc_ref | sed 's/^/proc_ref /' || exit 1
	owners_bench | sed 's/^/proc_scan /' || exit 1
	reps=$((reps - 1))
done >/out/bench.txt
exec 3>&-
wait $hold
