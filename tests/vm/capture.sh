#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Takes the zoo to the families that the host's kernel lacks: runs it, sockctl and ss in a guest.
#
# usage: capture.sh --out DIR [--build DIR] [--zoo PROGRAM] [--ko FILE] [--kernel 6.1|6.12]...
#
# DIR/SERIES receives zoo.json, zoo.skd (a recording), show.json, ss-*.txt, proc/*, modules.txt and
# what guest.sh adds. Without sockctl in the build directory only ss and /proc are asked. With --ko,
# a kernel module for the one kernel that is named: once more with it loaded, module-*.json and fields.txt.
# Exit: 0; 1 when a command failed in a guest; 77 when no guest can be had; 125 see guest.sh.

set -u

here=$(dirname "$(readlink -f "$0")")
build=$here/../../build
zoo=
out=
ko=
kernels=()

# The last line is what the TCP entries of the zoo need, the one above what sock_diag does not know.
modules=(
	inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag
	mptcp_diag sctp sctp_diag dccp dccp_ipv4 dccp_ipv6 dccp_diag
	vsock vsock_loopback vsock_diag xsk_diag smc smc_diag tipc
	af_alg algif_hash algif_skcipher sha256_generic can can_raw can_bcm bluetooth rds kcm af_key llc2 phonet qrtr nfc pppoe
	fcrypt pcbc rxrpc ieee802154_socket ax25 appletalk
	xfrm_user nfnetlink crypto_user xfrm_algo dummy vcan cls_cgroup
	tls gcm ghash_generic ctr tcp_bbr tcp_dctcp tcp_vegas tcp_htcp tcp_westwood
)
# TIPC's is called differently: net/tipc/diag.ko became tipc_diag.ko.
declare -A tipc_diag=([6.1]=diag [6.12]=tipc_diag)

while [ $# -ge 2 ]; do
	case $1 in
	--out) out=$2 ;;
	--build) build=$2 ;;
	--zoo) zoo=$2 ;;
	--ko) ko=$2 ;;
	--kernel) kernels+=("$2") ;;
	*) break ;;
	esac
	shift 2
done
if [ $# -gt 0 ] || [ -z "$out" ]; then
	sed -n 's/^# usage: /usage: /p' "$0" >&2
	exit 2
fi
[ ${#kernels[@]} -gt 0 ] || kernels=(6.1 6.12)
[ -n "$zoo" ] || zoo=$build/tests/zoo
[ ! -d "$zoo" ] || zoo=$zoo/zoo
if [ ! -x "$zoo" ]; then
	echo "capture.sh: no zoo at $zoo (--zoo PROGRAM)" >&2
	exit 2
fi

files=(--file "$zoo:/files/zoo" --file "$(command -v ss)")
# In the folders of the build directory: there sockctl looks for a daemon to start.
for program in cli/sockctl daemon/socketd; do
	[ ! -x "$build/$program" ] || files+=(--file "$build/$program:/files/build/$program")
done

[ -z "$ko" ] || files+=(--file "$ko:/files/socketd_diag.ko")

result=0
for kernel in "${kernels[@]}"; do
	"$here/guest.sh" --kernel "$kernel" --payload "$here/capture_payload.sh" "${files[@]}" \
		--modules "${modules[*]} ${tipc_diag[$kernel]:-tipc_diag}" --out "$out/$kernel"
	code=$?
	case $code in
	0) ;;
	77 | 12[4-9] | 130 | 143)
		[ ! -s "$out/$kernel/payload.log" ] || sed 's/^/  guest: /' "$out/$kernel/payload.log" >&2
		exit $code
		;;
	*)
		sed 's/^/  guest: /' "$out/$kernel/payload.log" >&2
		result=1
		;;
	esac
done
exit $result
