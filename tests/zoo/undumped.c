/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Families that no sock_diag module lists: ALG, CAN, Bluetooth, and whatever else socket(2) can make here */

#include <errno.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <linux/if_alg.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zoo.h"

#define BTPROTO_L2CAP 0
#define BTPROTO_HCI 1
#define PF_KEY_V2 2
#define AF_MCTP_ 45

/* A kind without a diag handler has no netid that the zoo could know. */
static struct entry *add(int fd, const char *why, const char *name)
{
	struct entry *e = zoo_add(NULL, fd, READ_MEMORY | READ_QUIET, why, "%s", name);

	e->listed = LISTED_MAYBE;
	return e;
}

/* A transform, and the operation that accept(2) makes of it. */
static void add_alg(void)
{
	struct sockaddr_alg alg = { .salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), op;
	struct entry *e;

	if (fd < 0) {
		zoo_skip("alg", errno, "the family is not in this kernel");
		return;
	}
	if (bind(fd, (void *)&alg, sizeof(alg)) < 0) {
		zoo_skip("alg-hash", errno, "no sha256 in this kernel");
		add(fd, "made and left alone", "alg");
		return;
	}
	e = add(fd, "bound to hash sha256", "alg");
	know_function(e, "sk_prot", "crypto/af_alg.c", "ALG");
	know_function(e, "ops_sendmsg", "crypto/af_alg.c", "sock_no_sendmsg");
	know_function(e, "ops_recvmsg", "crypto/af_alg.c", "sock_no_recvmsg");
	know_function(e, "sk_destruct", "crypto/af_alg.c", "alg_sock_destruct");
	know_str(e, "socket_ops", "crypto/af_alg.c", "af_alg");
	op = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	must(send(op, "hello", 5, MSG_MORE));
	e = add(op, "an operation on sha256, 5 bytes hashed", "alg-op");
	know_function(e, "sk_prot", "crypto/af_alg.c", "ALG");
	know_function(e, "ops_sendmsg", "crypto/algif_hash.c", "hash_sendmsg");
	know_function(e, "ops_recvmsg", "crypto/algif_hash.c", "hash_recvmsg");
	know_function(e, "sk_destruct", "crypto/algif_hash.c", "hash_sock_destruct");
	know_str(e, "socket_ops", "crypto/af_alg.c, af_alg_register_type()", "af_alg");
	know_str(e, "socket_state", "accept(2)", "SS_CONNECTED");
}

/* Bound to a virtual bus, where capture_payload.sh has made one. */
static void add_can(void)
{
	struct sockaddr_can to = { .can_family = AF_CAN, .can_ifindex = (int)if_nametoindex("vcan0") };
	int fd = socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW), other;
	struct can_frame frame = { .can_id = 0x123, .can_dlc = 2, .data = { 1, 2 } };
	struct entry *e;

	if (fd < 0) {
		zoo_skip("can-raw", errno, "the family is not in this kernel");
		return;
	}
	e = add(fd, to.can_ifindex ? "bound to vcan0" : "made and left alone", "can-raw");
	know_function(e, "sk_prot", "net/can/raw.c", "CAN_RAW");
	know_function(e, "ops_sendmsg", "net/can/raw.c", "raw_sendmsg");
	know_function(e, "ops_recvmsg", "net/can/raw.c", "raw_recvmsg");
	know_function(e, "ops_poll", "net/can/raw.c", "datagram_poll");
	if (!to.can_ifindex) {
		zoo_skip("can-raw-bound", ENODEV, "no device vcan0 was made for this");
		return;
	}
	must(bind(fd, (void *)&to, sizeof(to)));
	other = must(socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW));
	must(bind(other, (void *)&to, sizeof(to)));
	must(write(other, &frame, sizeof(frame)));
	know_u64(e, "sk_receive_queue", "one frame, unread", 1);
	add(other, "sent one frame", "can-raw-sender");
}

static void add_llc(void)
{
	int fd = socket(AF_LLC, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct entry *e;

	if (fd < 0) {
		zoo_skip("llc", errno, "the family is not in this kernel");
		return;
	}
	e = add(fd, "made and left alone", "llc");
	know_function(e, "sk_prot", "net/llc/af_llc.c", "LLC");
	know_function(e, "ops_sendmsg", "net/llc/af_llc.c", "llc_ui_sendmsg");
	know_flags(e, "sk_flags", "net/llc/af_llc.c: not bound", "SOCK_ZAPPED", "SOCK_DEAD");
}

void zoo_undumped(void)
{
	static const struct {
		const char *name;
		int family, type, protocol;
		const char *prot, *sendmsg, *via;
	} kinds[] = {
		{ "can-bcm", AF_CAN, SOCK_DGRAM, CAN_BCM, "CAN_BCM", "bcm_sendmsg", "net/can/bcm.c" },
		{ "bluetooth-l2cap", AF_BLUETOOTH, SOCK_SEQPACKET, BTPROTO_L2CAP, "L2CAP", "l2cap_sock_sendmsg",
		  "net/bluetooth/l2cap_sock.c" },
		{ "bluetooth-hci", AF_BLUETOOTH, SOCK_RAW, BTPROTO_HCI, "HCI", "hci_sock_sendmsg", "net/bluetooth/hci_sock.c" },
		{ "key", AF_KEY, SOCK_RAW, PF_KEY_V2, "KEY", "pfkey_sendmsg", "net/key/af_key.c" },
		{ "kcm", AF_KCM, SOCK_SEQPACKET, 0, "KCM", "kcm_sendmsg", "net/kcm/kcmsock.c" },
		{ "rds", AF_RDS, SOCK_SEQPACKET, 0, "RDS", "rds_sendmsg", "net/rds/af_rds.c" },
		{ "pppox", AF_PPPOX, SOCK_STREAM, 0, "PPPOE", "pppoe_sendmsg", "drivers/net/ppp/pppoe.c" },
		{ "phonet", AF_PHONET, SOCK_DGRAM, 1, "PHONET", "pn_socket_sendmsg", "net/phonet/socket.c" },
		{ "qipcrtr", AF_QIPCRTR, SOCK_DGRAM, 0, "QIPCRTR", "qrtr_sendmsg", "net/qrtr/af_qrtr.c" },
		{ "nfc", AF_NFC, SOCK_SEQPACKET, 0, "NFC_RAW", "rawsock_sendmsg", "net/nfc/rawsock.c" },
		{ "rxrpc", AF_RXRPC, SOCK_DGRAM, AF_INET, "RXRPC", "rxrpc_sendmsg", "net/rxrpc/af_rxrpc.c" },
		{ "ieee802154", AF_IEEE802154, SOCK_DGRAM, 0, "IEEE-802.15.4-MAC", "ieee802154_sock_sendmsg",
		  "net/ieee802154/socket.c" },
		{ "ax25", AF_AX25, SOCK_DGRAM, 0, "AX25", "ax25_sendmsg", "net/ax25/af_ax25.c" },
		{ "appletalk", AF_APPLETALK, SOCK_DGRAM, 0, "DDP", "atalk_sendmsg", "net/appletalk/ddp.c" },
		{ "x25", AF_X25, SOCK_SEQPACKET, 0, "X25", "x25_sendmsg", "net/x25/af_x25.c" },
		{ "mctp", AF_MCTP_, SOCK_DGRAM, 0, "MCTP", "mctp_sendmsg", "net/mctp/af_mctp.c" },
	};

	add_alg();
	add_can();
	add_llc();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd = socket(kinds[i].family, kinds[i].type | SOCK_CLOEXEC, kinds[i].protocol);
		struct entry *e;

		if (fd < 0) {
			zoo_skip(kinds[i].name, errno, "the family is not in this kernel");
			continue;
		}
		e = add(fd, "no sock_diag: only the kernel module lists it", kinds[i].name);
		know_function(e, "sk_prot", kinds[i].via, kinds[i].prot);
		know_function(e, "ops_sendmsg", kinds[i].via, kinds[i].sendmsg);
	}
}
