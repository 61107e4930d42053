/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SK_MEMINFO_*: the same nine numbers in every family, under an attribute number of its own */

#include <linux/sock_diag.h>

#include "decode/slot.h"

#define MEM(op, index) SLOT(op, SLOT_SKMEM, 4 * (index))

static const struct slot skmeminfo_slots[] = {
	[F_sk_rmem_alloc] = MEM(U32, SK_MEMINFO_RMEM_ALLOC),
	[F_sk_rcvbuf] = MEM(U32, SK_MEMINFO_RCVBUF),
	[F_sk_wmem_alloc] = MEM(U32, SK_MEMINFO_WMEM_ALLOC),
	[F_sk_sndbuf] = MEM(U32, SK_MEMINFO_SNDBUF),
	[F_sk_forward_alloc] = MEM(S32, SK_MEMINFO_FWD_ALLOC), /* an int: it can dip below zero */
	[F_sk_wmem_queued] = MEM(U32, SK_MEMINFO_WMEM_QUEUED),
	[F_sk_omem_alloc] = MEM(U32, SK_MEMINFO_OPTMEM),
	[F_sk_backlog] = MEM(U32, SK_MEMINFO_BACKLOG),
	[F_sk_drops] = MEM(U32, SK_MEMINFO_DROPS),
};

const struct slot_table skmeminfo_table = SLOT_TABLE(skmeminfo_slots);
