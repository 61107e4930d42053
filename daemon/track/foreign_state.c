/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States of SMC sockets and SCTP associations in TCP's numbers, and back */

#include "track/foreign_state.h"

#include "model/cleanup.h"
#include "model/words.h"

enum { SMC_INIT = 2, SMC_PEERCLOSEWAIT1 = 20, SMC_PEERCLOSEWAIT2, SMC_APPCLOSEWAIT1, SMC_APPCLOSEWAIT2 };

static const uint8_t sctp_states[] = {
	STATE_CLOSE,	 STATE_SYN_SENT,  STATE_SYN_SENT,   STATE_ESTABLISHED,
	STATE_FIN_WAIT1, STATE_FIN_WAIT2, STATE_CLOSE_WAIT, STATE_LAST_ACK,
};

uint8_t foreign_state_of_smc(uint8_t state)
{
	switch (state) {
	case SMC_INIT:
		return STATE_CLOSE; /* neither connected nor listening */
	case SMC_PEERCLOSEWAIT1:
		return STATE_FIN_WAIT1;
	case SMC_PEERCLOSEWAIT2:
		return STATE_FIN_WAIT2;
	case SMC_APPCLOSEWAIT1:
	case SMC_APPCLOSEWAIT2:
		return STATE_CLOSE_WAIT;
	}
	return state;
}

uint8_t foreign_state_to_smc(uint8_t state)
{
	switch (state) {
	case STATE_CLOSE:
		return SMC_INIT;
	case STATE_FIN_WAIT1:
		return SMC_PEERCLOSEWAIT1;
	case STATE_FIN_WAIT2:
		return SMC_PEERCLOSEWAIT2;
	case STATE_CLOSE_WAIT:
		return SMC_APPCLOSEWAIT1;
	}
	return state;
}

uint8_t foreign_state_of_sctp(uint8_t state)
{
	return state < ARRAY_SIZE(sctp_states) ? sctp_states[state] : 0;
}

uint8_t foreign_state_to_sctp(uint8_t state)
{
	for (uint8_t i = 0; i < ARRAY_SIZE(sctp_states); i++)
		if (sctp_states[i] == state)
			return i;
	return 0;
}
