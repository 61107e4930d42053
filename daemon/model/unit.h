/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup's path says: unit, slice, session, user unit and container */

#ifndef SOCKETD_MODEL_UNIT_H
#define SOCKETD_MODEL_UNIT_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name of a unit is 255 bytes (systemd's UNIT_NAME_MAX); a container's is built of more. */
#define UNIT_NAME_MAX 256
#define UNIT_CONTAINER_MAX 512

/*
 * Pieces of a path: they point into it and are no strings. Empty where the path
 * says none. Names are as the path has them, escapes of systemd ("\x2d") and all.
 */
struct unit_piece {
	const char *text;
	size_t len;
};

struct unit_path {
	struct unit_piece unit;      /* "nginx.service", "session-2.scope", "user@1000.service", "ssh.socket" */
	struct unit_piece slice;     /* "system.slice": the innermost around the unit */
	struct unit_piece session;   /* "2", of session-2.scope */
	struct unit_piece user_unit; /* "pipewire.service", below user@1000.service */
};

/*
 * Takes a path of cgroup v2 apart, by the rules of systemd (systemd.slice(5),
 * systemd/cgroup-util): the first component from the left, behind slices, that
 * is a unit. What is below a unit (its own subgroups) is passed over. False
 * where there is neither.
 */
bool unit_path_parse(const char *path, size_t len, struct unit_path *ret);

/*
 * The container that a path is of, as text: "docker:0123456789ab", "podman:...",
 * "containerd:...", "crio:...", "kubernetes:POD-UID/0123456789ab", "nspawn:NAME", "lxc:NAME",
 * "machine:NAME" (of machine.slice). Ids of 64 digits are cut to 12, as docker(1) prints them. Returns the
 * length, 0 when it is of none.
 */
size_t unit_container(const char *path, size_t len, char buf[static UNIT_CONTAINER_MAX]);

#endif
