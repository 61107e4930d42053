/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cgroup's path says: unit, slice, session, user unit and container */

#include "model/unit.h"

#include <string.h>

#include "model/cleanup.h"

#define ID_LEN 64      /* of a container: a SHA-256 in hexadecimal digits */
#define ID_SHOWN_LEN 12

static bool piece_is(struct unit_piece p, const char *text)
{
	return p.len == strlen(text) && !memcmp(p.text, text, p.len);
}

/* Takes a prefix off. */
static bool skip_prefix(struct unit_piece *p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (p->len < n || memcmp(p->text, prefix, n) != 0)
		return false;
	p->text += n;
	p->len -= n;
	return true;
}

static bool skip_suffix(struct unit_piece *p, const char *suffix)
{
	size_t n = strlen(suffix);

	if (p->len < n || memcmp(p->text + p->len - n, suffix, n) != 0)
		return false;
	p->len -= n;
	return true;
}

static bool has_suffix(struct unit_piece p, const char *suffix)
{
	return skip_suffix(&p, suffix);
}

/* The next component; false at the end. Slashes in a row count as one. */
static bool next_component(struct unit_piece *rest, struct unit_piece *ret)
{
	const char *end;

	while (rest->len > 0 && *rest->text == '/') {
		rest->text++;
		rest->len--;
	}
	if (rest->len == 0)
		return false;
	end = memchr(rest->text, '/', rest->len);
	*ret = (struct unit_piece){ rest->text, end ? (size_t)(end - rest->text) : rest->len };
	rest->text += ret->len;
	rest->len -= ret->len;
	return true;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* systemd.unit(5): letters, digits and :_.\-@, a known suffix, something before it that does not begin with "@". */
static bool is_unit(struct unit_piece p)
{
	static const char *const suffixes[] = { ".service", ".socket", ".target", ".device", ".mount", ".automount",
						".swap", ".timer", ".path", ".slice", ".scope" };

	if (p.len >= UNIT_NAME_MAX || p.text[0] == '@')
		return false;
	for (size_t i = 0; i < p.len; i++)
		if (!is_alnum(p.text[i]) && !memchr(":_.\\-@", p.text[i], 6))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (has_suffix(p, suffixes[i]))
			return p.len > strlen(suffixes[i]);
	return false;
}

/* The next component as a unit's name; names that the kernel's own files would be taken for have a "_" before them. */
static bool next_unit(struct unit_piece *rest, struct unit_piece *ret)
{
	struct unit_piece p;

	if (!next_component(rest, &p))
		return false;
	skip_prefix(&p, "_");
	if (p.len == 0 || !is_unit(p))
		return false;
	*ret = p;
	return true;
}

/* The first unit behind slices; *ret_slice is the last of those, and untouched where there is none. */
static bool unit_behind_slices(struct unit_piece *rest, struct unit_piece *ret_slice, struct unit_piece *ret)
{
	struct unit_piece p;

	while (next_unit(rest, &p)) {
		if (!has_suffix(p, ".slice")) {
			*ret = p;
			return true;
		}
		*ret_slice = p;
	}
	return false;
}

/* "2" of "session-2.scope". */
static bool session_id(struct unit_piece unit, struct unit_piece *ret)
{
	if (!skip_prefix(&unit, "session-") || !skip_suffix(&unit, ".scope") || unit.len == 0)
		return false;
	for (size_t i = 0; i < unit.len; i++)
		if (!is_alnum(unit.text[i]))
			return false;
	*ret = unit;
	return true;
}

/* "user@1000.service" */
static bool is_user_manager(struct unit_piece unit)
{
	if (!skip_prefix(&unit, "user@") || !skip_suffix(&unit, ".service") || unit.len == 0 || unit.len > 10)
		return false;
	for (size_t i = 0; i < unit.len; i++)
		if (unit.text[i] < '0' || unit.text[i] > '9')
			return false;
	return true;
}

bool unit_path_parse(const char *path, size_t len, struct unit_path *ret)
{
	struct unit_piece rest = { path, len }, user_slice;
	struct unit_path u = {};

	if (unit_behind_slices(&rest, &u.slice, &u.unit) &&
	    (session_id(u.unit, &u.session) || is_user_manager(u.unit)))
		(void)unit_behind_slices(&rest, &user_slice, &u.user_unit);
	if (u.unit.len == 0 && u.slice.len == 0)
		return false;
	*ret = u;
	return true;
}

/* What is known of the container while its path is walked through. */
struct container {
	const char *runtime;    /* NULL: none so far */
	struct unit_piece name; /* or id */
	struct unit_piece pod;  /* of kubernetes, around it: the uid as the path spells it */
};

/* A whole id, and nothing else. */
static bool is_id(struct unit_piece p)
{
	if (p.len != ID_LEN)
		return false;
	for (size_t i = 0; i < p.len; i++)
		if (!is_hex(p.text[i]))
			return false;
	return true;
}

static bool is_pod_uid(struct unit_piece p)
{
	if (p.len < 8 || p.len > 64)
		return false;
	for (size_t i = 0; i < p.len; i++)
		if (!is_hex(p.text[i]) && p.text[i] != '_' && p.text[i] != '-')
			return false;
	return true;
}

/* "kubepods-burstable-pod<uid>.slice", also of a kubelet with a root of its own ("kubelet-kubepods-..."); "pod<uid>" below kubepods. */
static bool pod_of(struct unit_piece p, bool in_kubepods, struct unit_piece *ret)
{
	if (skip_suffix(&p, ".slice")) {
		const char *at = memmem(p.text, p.len, "kubepods", 8), *found = NULL, *end = p.text + p.len;

		while (at && (at = memmem(at, end - at, "-pod", 4)))
			found = at += 4;
		if (!found)
			return false;
		p = (struct unit_piece){ found, (size_t)(end - found) };
	} else if (!in_kubepods || !skip_prefix(&p, "pod")) {
		return false;
	}
	if (!is_pod_uid(p))
		return false;
	*ret = p;
	return true;
}

/*
 * A component that names a container by its id: "docker-<id>.scope",
 * "libpod-<id>", "kubepods-...slice:cri-containerd:<id>". A monitor's
 * ("libpod-conmon-<id>.scope") has something between prefix and id.
 */
static bool named_by_id(struct unit_piece p, struct container *ret)
{
	static const struct {
		const char *prefix, *runtime;
	} rows[] = {
		{ "docker", "docker" },		  { "libpod", "podman" },     { "libpod-payload", "podman" },
		{ "cri-containerd", "containerd" }, { "nerdctl", "containerd" }, { "crio", "crio" },
	};
	struct unit_piece id, before;

	skip_suffix(&p, ".scope");
	if (p.len <= ID_LEN + 1)
		return false;
	id = (struct unit_piece){ p.text + p.len - ID_LEN, ID_LEN };
	before = (struct unit_piece){ p.text, p.len - ID_LEN - 1 };
	if (!is_id(id) || (id.text[-1] != '-' && id.text[-1] != ':'))
		return false;
	if (id.text[-1] == ':') {
		const char *colon = memrchr(before.text, ':', before.len);

		if (colon) {
			(void)pod_of((struct unit_piece){ before.text, (size_t)(colon - before.text) }, false, &ret->pod);
			before = (struct unit_piece){ colon + 1, before.len - (size_t)(colon + 1 - before.text) };
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (piece_is(before, rows[i].prefix)) {
			ret->runtime = rows[i].runtime;
			ret->name = id;
			return true;
		}
	}
	return false;
}

/* A component that is an id alone: what is above it says whose. */
static bool named_by_parent(struct unit_piece p, struct unit_piece parent, struct container *ret)
{
	if (is_id(p)) {
		if (piece_is(parent, "docker"))
			ret->runtime = "docker";
		else if (ret->pod.len > 0)
			ret->runtime = "kubernetes";
		else if (piece_is(parent, "default") || piece_is(parent, "k8s.io")) /* namespaces of containerd */
			ret->runtime = "containerd";
		else
			return false;
	} else if (piece_is(parent, "lxc") || piece_is(parent, "lxc.payload")) {
		ret->runtime = "lxc";
	} else {
		return false;
	}
	ret->name = p;
	return true;
}

static bool named_by_name(struct unit_piece p, bool in_machines, struct container *ret)
{
	const char *runtime;

	if (skip_prefix(&p, "systemd-nspawn@") && skip_suffix(&p, ".service"))
		runtime = "nspawn";
	else if (in_machines && skip_prefix(&p, "machine-") && skip_suffix(&p, ".scope"))
		runtime = "machine";
	else if (skip_prefix(&p, "lxc.payload."))
		runtime = "lxc";
	else
		return false;
	if (p.len == 0)
		return false;
	ret->runtime = runtime;
	ret->name = p;
	return true;
}

/* systemd-nspawn itself is in "supervisor" beside "payload": outside, as conmon is. */
static bool is_supervisor(const struct container *c, struct unit_piece parent, struct unit_piece p)
{
	return c->runtime && piece_is(p, "supervisor") && c->name.text >= parent.text &&
	       c->name.text < parent.text + parent.len && (!strcmp(c->runtime, "nspawn") || !strcmp(c->runtime, "machine"));
}

/* The innermost container's, or none. */
static void find_container(const char *path, size_t len, struct container *ret)
{
	struct unit_piece rest = { path, len }, parent = { path, 0 }, pod = {}, p;
	struct container inner = {}, outer = {};
	bool in_kubepods = false, in_machines = false;

	for (; next_component(&rest, &p); parent = p) {
		struct container found = { .pod = pod };

		if (piece_is(p, "kubepods") || piece_is(p, "kubepods.slice"))
			in_kubepods = true;
		else if (piece_is(p, "machine.slice"))
			in_machines = true;
		if (named_by_id(p, &found) || named_by_parent(p, parent, &found) || named_by_name(p, in_machines, &found)) {
			outer = inner;
			inner = found;
			pod = (struct unit_piece){};
		} else if (!pod_of(p, in_kubepods, &pod) && is_supervisor(&inner, parent, p)) {
			inner = outer;
		}
	}
	*ret = inner;
}

struct text {
	char *buf;
	size_t len;
};

static void put_byte(struct text *t, char c)
{
	if (t->len < UNIT_CONTAINER_MAX - 1)
		t->buf[t->len++] = c;
}

static void put_piece(struct text *t, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put_byte(t, p[i]);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "web\x2d1" is "web-1". */
static void put_unescaped(struct text *t, struct unit_piece p)
{
	for (size_t i = 0; i < p.len; i++) {
		int high = p.len - i >= 4 && p.text[i] == '\\' && p.text[i + 1] == 'x' ? hex_digit(p.text[i + 2]) : -1;
		int low = high >= 0 ? hex_digit(p.text[i + 3]) : -1;

		if (low < 0 || (high == 0 && low == 0)) {
			put_byte(t, p.text[i]);
			continue;
		}
		put_byte(t, (char)(high << 4 | low));
		i += 3;
	}
}

size_t unit_container(const char *path, size_t len, char buf[static UNIT_CONTAINER_MAX])
{
	struct text t = { .buf = buf };
	struct container c;

	find_container(path, len, &c);
	if (!c.runtime)
		return 0;
	if (c.pod.len > 0) {
		put_piece(&t, "kubernetes:", 11);
		/* systemd's names of slices cannot have the "-" of the uid. */
		for (size_t i = 0; i < c.pod.len; i++)
			put_byte(&t, c.pod.text[i] == '_' ? '-' : c.pod.text[i]);
		put_byte(&t, '/');
	} else {
		put_piece(&t, c.runtime, strlen(c.runtime));
		put_byte(&t, ':');
	}
	if (is_id(c.name))
		put_piece(&t, c.name.text, ID_SHOWN_LEN);
	else
		put_unescaped(&t, c.name);
	buf[t.len] = '\0';
	return t.len;
}
