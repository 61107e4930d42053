/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* States of SMC sockets and SCTP associations in TCP's numbers, and back */

#ifndef SOCKETD_TRACK_FOREIGN_STATE_H
#define SOCKETD_TRACK_FOREIGN_STATE_H

#include <stdint.h>

/* enum smc_state: net/smc/smc.h. What has no counterpart keeps its number, both ways. */
uint8_t foreign_state_of_smc(uint8_t state);
uint8_t foreign_state_to_smc(uint8_t state);

/* enum sctp_state: net/sctp/constants.h. What has no counterpart is 0, both ways. */
uint8_t foreign_state_of_sctp(uint8_t state);
uint8_t foreign_state_to_sctp(uint8_t state);

#endif
