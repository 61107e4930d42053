/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose a socket is in systemd's words: unit, slice, session and container, by cgroup */

#include "decode/slot.h"
#include "model/unit.h"

/* Of a socket that was handed to very many, so many are looked at. */
#define HOLDERS_MAX 64u

struct place {
	struct unit_piece path;          /* of the cgroup */
	const struct socket_unit *socket; /* that PID 1 listens for on the socket's name; NULL for none */
	struct unit_path unit;
};

struct holders_of {
	bool init;                     /* PID 1 is one */
	struct unit_piece init_path;   /* its cgroup; empty: not known */
	struct unit_piece other_path;  /* that of the first other that is known */
};

static struct unit_piece piece_of(const char *text)
{
	return (struct unit_piece){ text, strlen(text) };
}

static bool piece_is(struct unit_piece p, const char *text)
{
	return p.len == strlen(text) && !memcmp(p.text, text, p.len);
}

static bool is_socket_unit(struct unit_piece p)
{
	return p.len > 7 && !memcmp(p.text + p.len - 7, ".socket", 7);
}

static void look_at_holders(struct record *r, struct holders_of *ret)
{
	uint64_t inode;

	*ret = (struct holders_of){};
	/* An event's owner is known of sockets, too, that have no inode yet. */
	if (record_inode(r, &inode) < 0)
		inode = 0;
	for (unsigned n = 0; n < HOLDERS_MAX && ret->other_path.len == 0; n++) {
		const struct process *p;
		uint32_t pid, fd;

		if (!context_owner(r->context, inode, n, &p, &pid, &fd))
			return;
		if (pid == 1)
			ret->init = true;
		if (p && p->cgroup)
			*(pid == 1 ? &ret->init_path : &ret->other_path) = piece_of(p->cgroup);
	}
}

/*
 * A socket keeps the cgroup of the process that made it, whoever has it now. What
 * PID 1 made for a service (in its own cgroup, or in the unit's by a child) is
 * handed on, and so is a connection that was accepted on a .socket unit's
 * listener: of those the holder's cgroup says more. While PID 1 has it too, it
 * is the .socket unit's.
 */
static struct unit_piece choose_path(struct unit_piece own, const struct holders_of *h)
{
	struct unit_path u = {};

	if (own.len == 0)
		return h->other_path.len ? h->other_path : h->init_path;
	if (h->other_path.len == 0)
		return own;
	if (piece_is(own, "/") || piece_is(own, "/init.scope"))
		return h->other_path;
	if (!h->init && unit_path_parse(own.text, own.len, &u) && is_socket_unit(u.unit))
		return h->other_path;
	return own;
}

/* Accepted sockets have their listener's name: they are no longer for who comes. */
static const struct socket_unit *listening_unit(struct record *r, const struct holders_of *h, struct unit_piece own)
{
	struct value v;

	if ((!h->init && !piece_is(own, "/init.scope")) || record_state(r) == STATE_ESTABLISHED)
		return NULL;
	if (record_get(r, F_local, 0, &v) < 0 || v.kind != VALUE_ADDR || v.addr.kind != ADDRESS_UNIX)
		return NULL;
	return context_socket_unit(r->context, v.addr.name, v.addr.len);
}

static bool find_place(struct record *r, struct place *ret)
{
	struct unit_piece own = {};
	struct holders_of h;
	struct value v;

	if (!r->context)
		return false;
	if (record_get(r, F_cgroup, 0, &v) >= 0)
		own = (struct unit_piece){ v.str.data, v.str.len };
	look_at_holders(r, &h);
	*ret = (struct place){ .path = choose_path(own, &h), .socket = listening_unit(r, &h, own) };
	if (ret->path.len == 0)
		return false;
	(void)unit_path_parse(ret->path.text, ret->path.len, &ret->unit);
	return true;
}

static int set_piece(struct value *ret, struct unit_piece p)
{
	if (p.len == 0)
		return -ENODATA;
	value_set_str(ret, p.text, p.len);
	return 0;
}

/*
 * What PID 1 tells of the unit; where it told nothing, and for units of users'
 * managers, which are not asked, what systemd.socket(5) does without Service=.
 */
static int get_activates(struct record *r, const struct place *p, struct value *ret)
{
	struct unit_piece name = p->unit.user_unit.len ? p->unit.user_unit : p->unit.unit;
	const struct socket_unit *u = p->socket;
	size_t stem;

	if (!u && !is_socket_unit(name))
		return -ENODATA;
	if (!u && !p->unit.user_unit.len)
		u = context_unit(r->context, name.text, name.len);
	if (u)
		return u->service ? set_piece(ret, piece_of(u->service)) : -ENODATA;
	stem = name.len - strlen("socket");
	if (stem + sizeof("service") > sizeof(r->scratch))
		return -ENODATA;
	memcpy(r->scratch, name.text, stem);
	memcpy(r->scratch + stem, "service", sizeof("service"));
	value_set_str(ret, r->scratch, stem + strlen("service"));
	return 0;
}

_Static_assert(RECORD_SCRATCH >= UNIT_CONTAINER_MAX, "a container's name fits");

static int get_unit(struct record *r, enum field_id id, unsigned n, struct value *ret)
{
	struct place p;
	size_t len;

	(void)n;
	if (!find_place(r, &p))
		return -ENODATA;
	switch (id) {
	case F_unit:
		return set_piece(ret, p.socket ? piece_of(p.socket->unit) : p.unit.unit);
	case F_slice:
		return set_piece(ret, p.unit.slice);
	case F_session:
		return set_piece(ret, p.unit.session);
	case F_user_unit:
		return set_piece(ret, p.unit.user_unit);
	case F_activates:
		return get_activates(r, &p, ret);
	case F_container:
		len = unit_container(p.path.text, p.path.len, r->scratch);
		return set_piece(ret, (struct unit_piece){ r->scratch, len });
	default:
		return -ENODATA;
	}
}

static const struct slot unit_slots[] = {
	[F_unit] = SLOT_FN(get_unit),
	[F_slice] = SLOT_FN(get_unit),
	[F_session] = SLOT_FN(get_unit),
	[F_user_unit] = SLOT_FN(get_unit),
	[F_container] = SLOT_FN(get_unit),
	[F_activates] = SLOT_FN(get_unit),
};

const struct slot_table unit_table = SLOT_TABLE(unit_slots);
