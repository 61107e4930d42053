#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Compare what the kernel module told of the zoo's sockets with what their maker knows of them
"""
zoo_module.py --internals ZOO.json SHOW.json [CHECKED.json]  `sockctl internals` of all sockets: each field
zoo_module.py --nobody ZOO.json SHOW.json                    the same, asked without rights: nothing privileged
zoo_module.py --owners SHOW.json SHOW.json                   the same owners by /proc and by the module
zoo_module.py --secrets ZOO.json FILE                        no key is anywhere in the file
zoo_module.py --mutants ZOO.json SHOW.json                   whether --internals would see a field that is wrong

CHECKED.json receives which fields were as expected, and in how many rows they had a value.
One line for each mismatch; exit 1 when there is one.
"""

import json
import os
import re
import sys

import zoo_compare


def internals_of(entry, keys):
    """Of an entry what `sockctl internals` shows: what the module tells, and of the rest the keys that are there at all."""
    # The type of an SCTP socket is told by its options, which are not asked for here.
    hidden = ("owners", "type") if entry["kind"] == "sctp" else ("owners",)
    shown = {field: value for field, value in entry["expect"].items() if field in keys and field not in hidden}
    return {**entry, "expect": {**shown, **entry["deep"]}}


def count_checked(checked, entry, index):
    rows, _ = index.find(entry)
    if not rows:
        return
    row = min(rows, key=lambda candidate: len(zoo_compare.mismatches(entry, candidate, index)))
    bad = {field for field, _, _ in zoo_compare.mismatches(entry, row, index)}
    for field, _ in zoo_compare.expectations(entry, index):
        name = re.sub("_raw$", "", field) if field != "sk_wq_raw" else field
        if field not in bad and field in entry["deep"]:
            checked[name] = checked.get(name, 0) + (field in row)


def compare_internals(result, zoo_file, show_file, checked_file=None):
    with open(zoo_file, encoding="utf-8") as file:
        zoo = json.load(file)
    with open(show_file, "rb") as file:
        out = file.read()
    zoo_compare.check_secrets(result, "", zoo["secrets"], "internals", out)
    document = zoo_compare.parse_document(result, "", out)
    if not document:
        return
    index = zoo_compare.Index(document["sockets"])
    keys = {key for row in document["sockets"] for key in row}
    checked = {}
    for entry in zoo["entries"]:
        entry = internals_of(entry, keys)
        zoo_compare.compare_entry(result, "", {**entry, "listed": "yes"}, index, False, True)
        count_checked(checked, entry, index)
    if checked_file:
        with open(checked_file, "w", encoding="utf-8") as file:
            json.dump(checked, file, indent=1, sort_keys=True)


def fields_of_module(access=r"\w+"):
    catalogue = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "socketd", "fields.def")
    with open(catalogue, encoding="utf-8") as file:
        names = re.findall(rf"^FIELD\(\d+, (\w+), \w+, (?:socket|sock|flow), {access},", file.read(), re.M)
    if len(names) < 100:
        raise SystemExit(f"zoo_module: {len(names)} fields in {catalogue}")
    return set(names)


def compare_nobody(result, zoo_file, show_file):
    """What is privileged is not told, and what is public is."""
    with open(zoo_file, encoding="utf-8") as file:
        zoo = json.load(file)
    with open(show_file, "rb") as file:
        document = zoo_compare.parse_document(result, "", file.read())
    if not document:
        return
    keys = {key for row in document["sockets"] for key in row}
    for field in sorted(fields_of_module("privileged")):
        # /proc/net/raw tells everybody this one.
        if field == "sk_refcnt":
            continue
        result.check(field not in keys and field + "_raw" not in keys, "nobody", field, {"absent": True}, "told")
    # Sockets found by a descriptor are told with the rights to look for it.
    index = zoo_compare.Index(document["sockets"])
    for entry in zoo["entries"]:
        if entry["kind"] in ("tcp", "udp", "u_str") and entry["listed"] == "yes":
            result.check(bool(index.find(entry)[0]), entry["name"], "row", entry["why"], None)


def owners_of(document):
    """Who holds what, but for who was asking: {(netid, inode): [(pid, fd, comm)]}"""
    owners = {}
    for row in document["sockets"]:
        if row.get("inode") and not zoo_compare.is_of_reader(row):
            owners[row["netid"], row["inode"]] = sorted((o["pid"], o["fd"], o["comm"]) for o in row.get("owners", []))
    return owners


def compare_owners(result, one, other):
    documents = []
    for path in (one, other):
        with open(path, "rb") as file:
            documents.append(zoo_compare.parse_document(result, "", file.read()))
    if None in documents:
        return
    first, second = map(owners_of, documents)
    for key in sorted(set(first) & set(second)):
        result.check(first[key] == second[key], " ".join(map(str, key)), "owners", first[key], second[key])
    result.check(sum(map(bool, first.values())) > 100, "owners", "sockets with owners", {"min": 100}, len(first))


def compare_secrets(result, zoo_file, file_name):
    with open(zoo_file, encoding="utf-8") as file:
        secrets = json.load(file)["secrets"]
    with open(file_name, "rb") as file:
        data = file.read()
    result.check(len(secrets) > 0 and len(data) > 10000, file_name, "size", {"min": 10000}, len(data))
    zoo_compare.check_secrets(result, "", secrets, file_name, data)


def changed(value, how):
    """Another value of the same kind: the next one, or zero."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 if how == 0 or value == 0 else 0
    if isinstance(value, list):
        return [n + 1 for n in value] if value and isinstance(value[0], int) else value[1:] or ["SOCK_DEAD"]
    return f"{int(value, 16) + 1:x}" if re.fullmatch("[0-9a-f]+", value) else value + "x"


def is_seen(pairs, index, keys, change):
    """Whether in any row of the zoo's a change of these keys is a mismatch more."""
    for entry, row in pairs:
        if keys[0] in row:
            mutant = {key: value for key, value in row.items() if key not in keys}
            if change is not None:
                mutant |= {key: changed(row[key], change) for key in keys if key in row}
            if len(zoo_compare.mismatches(entry, mutant, index)) > len(zoo_compare.mismatches(entry, row, index)):
                return True
    return False


def compare_mutants(result, zoo_file, show_file):
    """A comparison that no wrong value can fail is none: each field is left out, and changed, and must be missed."""
    with open(zoo_file, encoding="utf-8") as file:
        zoo = json.load(file)
    with open(show_file, "rb") as file:
        rows = json.load(file)["sockets"]
    index = zoo_compare.Index(rows)
    keys = {key for row in rows for key in row}
    pairs = []
    for entry in zoo["entries"]:
        found, _ = index.find(entry)
        if found:
            entry = internals_of(entry, keys)
            pairs.append((entry, min(found, key=lambda row: len(zoo_compare.mismatches(entry, row, index)))))
    for field in sorted(fields_of_module() & keys):
        # The number beside the words is the same value.
        both = (field, field + "_raw") if field != "sk_wq" else (field,)
        result.check(is_seen(pairs, index, both, None), field, "left out", "seen", "not seen")
        result.check(is_seen(pairs, index, both, 0) or is_seen(pairs, index, both, 1), field, "changed", "seen", "not seen")
    result.check(result.passed > 250, "mutants", "number", {"min": 250}, result.passed)


def main():
    modes = {"--internals": compare_internals, "--nobody": compare_nobody, "--owners": compare_owners,
             "--secrets": compare_secrets, "--mutants": compare_mutants}
    args = sys.argv[1:]
    if len(args) not in (3, 4) or args[0] not in modes or (len(args) == 4 and args[0] != "--internals"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    result = zoo_compare.Result()
    modes[args[0]](result, *args[1:])
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
