/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP with keys in the kernel: MD5 signatures and kernel TLS; the keys must not be seen anywhere */

#include <errno.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "zoo.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

#define READS (READ_INET | READ_TCP | READ_MEMORY)
#define MD5_KEY "SECRETKEY-MUST-NOT-LEAK"
/* Sixteen bytes, the key of AES-GCM-128. */
#define TLS_KEY "SECRETKTLSKEY-16"

static int md5_add(int fd, const char *address, int prefix)
{
	struct tcp_md5sig sig = { .tcpm_keylen = strlen(MD5_KEY) };
	struct sockaddr_storage ss;
	socklen_t len = make_address(strchr(address, ':') ? AF_INET6 : AF_INET, address, 0, &ss);

	memcpy(&sig.tcpm_addr, &ss, len);
	memcpy(sig.tcpm_key, MD5_KEY, strlen(MD5_KEY));
	if (prefix >= 0) {
		sig.tcpm_flags = TCP_MD5SIG_FLAG_PREFIX;
		sig.tcpm_prefixlen = prefix;
	}
	return setsockopt(fd, IPPROTO_TCP, prefix >= 0 ? TCP_MD5SIG_EXT : TCP_MD5SIG, &sig, sizeof(sig));
}

/* Signed segments are not left to a device to split (sk_gso_disable()). */
static void know_unsplit(struct entry *e)
{
	static const char via[] = "TCP_MD5SIG, net/ipv4/tcp_ipv4.c";

	know_bool(e, "sk_gso_disabled", via, true);
	know_u64(e, "sk_gso_max_size", via, 0);
	know_u64(e, "sk_gso_max_segs", via, 1);
}

static void add_md5(void)
{
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), client, server;
	struct sockaddr_storage ss;
	socklen_t len;
	struct entry *e;

	if (md5_add(fd, "127.0.0.1", -1) < 0) {
		zoo_skip("tcp4-md5", errno, "TCP_MD5SIG is not in this kernel");
		close(fd);
		return;
	}
	zoo_secret(MD5_KEY);
	must(md5_add(fd, "10.99.0.0", 16));
	len = make_address(AF_INET, "127.0.0.1", 0, &ss);
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 6));
	must(getsockname(fd, (void *)&ss, &len));
	e = zoo_add("tcp", fd, READS | READ_QUIET, "a key for one peer, another for a prefix", "tcp4-md5-listen");
	expect_words(e, "md5sig_peers", "set", "127.0.0.1", "10.99.0.0/16", NULL);

	client = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must(md5_add(client, "127.0.0.1", -1));
	must(connect(client, (void *)&ss, len));
	server = must(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	e = zoo_add("tcp", client, READS | READ_QUIET, "a connection whose segments are signed", "tcp4-md5-client");
	expect_words(e, "md5sig_peers", "set", "127.0.0.1", NULL);
	know_unsplit(e);
	e = zoo_add("tcp", server, READS | READ_QUIET, "inherits the key of its peer alone", "tcp4-md5-server");
	expect_words(e, "md5sig_peers", "set", "127.0.0.1", NULL);
	know_unsplit(e);

	fd = must(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must(md5_add(fd, "fd00:99::7", -1));
	len = make_address(AF_INET6, "::1", 0, &ss);
	must(bind(fd, (void *)&ss, len));
	must(listen(fd, 6));
	e = zoo_add("tcp", fd, READS | READ_QUIET, "a key for an IPv6 peer", "tcp6-md5-listen");
	expect_words(e, "md5sig_peers", "set", "fd00:99::7", NULL);
}

static void set_tls_key(int fd, int direction, uint16_t version)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info = { .version = version, .cipher_type = TLS_CIPHER_AES_GCM_128 },
	};

	memcpy(info.key, TLS_KEY, sizeof(info.key));
	memcpy(info.salt, "salt", sizeof(info.salt));
	memcpy(info.iv, "iv-of-8b", sizeof(info.iv));
	must(setsockopt(fd, SOL_TLS, direction, &info, sizeof(info)));
}

static void add_tls(void)
{
	static const uint16_t versions[] = { TLS_1_2_VERSION, TLS_1_3_VERSION };

	for (size_t i = 0; i < 2; i++) {
		struct tcp_pair p = make_tcp_pair(AF_INET, "127.0.0.1", NULL);
		struct entry *e;

		if (setsockopt(p.client, IPPROTO_TCP, TCP_ULP, "tls", 3) < 0) {
			zoo_skip("tcp4-ktls", errno, "kernel TLS is not in this kernel");
			close(p.client);
			close(p.server);
			return;
		}
		must(setsockopt(p.server, IPPROTO_TCP, TCP_ULP, "tls", 3));
		set_tls_key(p.client, TLS_TX, versions[i]);
		set_tls_key(p.server, TLS_RX, versions[i]);
		if (i == 0)
			zoo_secret(TLS_KEY);
		write_exactly(p.client, 500);
		e = zoo_add("tcp", p.client, READS, "kernel TLS encrypts, 500 bytes sent", "tcp4-ktls-%zu-client",
			    i + 2);
		expect_str(e, "ulp_name", "tls");
		expect_u64(e, "tls_version_raw", versions[i]);
		expect_u64(e, "tls_cipher_raw", TLS_CIPHER_AES_GCM_128);
		expect_u64(e, "tls_txconf_raw", 2); /* TLS_CONF_SW */
		expect_u64(e, "tls_rxconf_raw", 1); /* TLS_CONF_BASE */
		know_function(e, "prot_sendmsg", "net/tls/tls_main.c", "tls_sw_sendmsg");
		know_function(e, "prot_recvmsg", "net/tls/tls_main.c", "tcp_recvmsg");
		know_function(e, "creator_sendmsg", "net/ipv4/tcp_ipv4.c", "tcp_sendmsg");
		know_function(e, "sk_write_space", "net/tls/tls_main.c", "tls_write_space");
		know_str(e, "icsk_ulp", "TCP_ULP", "tls");
		/* What lies in the queue is records, more than SIOCINQ of the plain text tells. */
		e = zoo_add("tcp", p.server, READ_INET | READ_MEMORY, "kernel TLS decrypts", "tcp4-ktls-%zu-server",
			    i + 2);
		expect_str(e, "ulp_name", "tls");
		expect_u64(e, "tls_version_raw", versions[i]);
		expect_u64(e, "tls_txconf_raw", 1);
		expect_u64(e, "tls_rxconf_raw", 2);
		know_function(e, "prot_sendmsg", "net/tls/tls_main.c", "tcp_sendmsg");
		know_function(e, "prot_recvmsg", "net/tls/tls_main.c", "tls_sw_recvmsg");
		know_function(e, "creator_recvmsg", "net/ipv4/tcp_ipv4.c", "tcp_recvmsg");
		know_function(e, "ops_poll", "net/tls/tls_main.c, net/ipv4/tcp.c", "tcp_poll|tls_sk_poll");
		know_function(e, "sk_data_ready", "net/tls/tls_sw.c", "tls_data_ready");
		know_str(e, "icsk_ulp", "TCP_ULP", "tls");
		know_u64(e, "sk_state", "connected", 1);
		expect_str(e, "state", "ESTAB");
	}
}

void zoo_tcp_crypto(void)
{
	add_md5();
	add_tls();
}
