#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""House rules that a script can check (docs/style.md): sizes, first lines, silent library, one place for errors"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("daemon", "kmod", "cli", "include", "tests")
LINES_MAX = 700

FORBIDDEN = [
    (re.compile(r"\b(sprintf|strcpy|strcat|gets|alloca|strtok)\s*\("), "an unbounded or unsafe call"),
    (re.compile(r"CU_ASSERT(_TRUE)?\((1|true)\)|CU_PASS"), "a test that cannot fail"),
    (re.compile(r"SD_BUS_METHOD\("), "a method without argument names"),
]

# In the module: no address leaves it, and kernel versions differ in one file.
FORBIDDEN_IN_KMOD = [
    (re.compile(r"%p(?![sSI]|IS)"), "an address in text: a symbol's name is %ps"),
    (re.compile(r"\block_sock\b|\block_sock_fast\b"), "the lock of a socket: its owner would wait"),
]
VERSIONS = re.compile(r"LINUX_VERSION_CODE|KERNEL_VERSION")

# The library is silent: it returns errors, programs report them.
SPEAKING = re.compile(r"\bU (printf|fprintf|puts|fputs|perror|vfprintf|syslog|sd_journal_\w+|warn|err|exit)$")


def sources():
    return [f for d in FOLDERS for f in sorted((ROOT / d).rglob("*.[ch]"))]


def check_text(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    where = path.relative_to(ROOT)
    # In the kernel a .c file has it in a line comment (Documentation/process/license-rules.rst).
    spdx = "// SPDX" if where.parts[0] == "kmod" and path.suffix == ".c" else "/* SPDX"
    if not lines or not lines[0].startswith(spdx + "-License-Identifier: "):
        yield f"{where}: the first line is no SPDX line"
    if len(lines) < 2 or not lines[1].startswith("/* "):
        yield f"{where}: the second line does not say what the file is"
    if len(lines) > LINES_MAX:
        yield f"{where}: {len(lines)} lines, more than {LINES_MAX}"
    for number, line in enumerate(lines, 1):
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                yield f"{where}:{number}: {what}"
        for pattern, what in FORBIDDEN_IN_KMOD if where.parts[0] == "kmod" else ():
            if pattern.search(line) and not line.lstrip().startswith(("/*", "*")):
                yield f"{where}:{number}: {what}"
        if where.parts[0] == "kmod" and where.name != "compat.h" and VERSIONS.search(line):
            yield f"{where}:{number}: a kernel version outside compat.h"
        if "org.socketd1." in line and not str(where).startswith(("include/", "tests/")) and line.lstrip()[:2] not in ("/*", "* "):
            if not re.search(r"\*.*org\.socketd1", line):
                yield f"{where}:{number}: a name of the bus outside include/socketd/dbus.h"


def check_library(library):
    out = subprocess.run(["nm", "-u", library], capture_output=True, text=True, check=True).stdout
    undefined = [line.strip() for line in out.splitlines()]
    if not any(line.endswith(" malloc") or line.endswith(" calloc") for line in undefined):
        yield f"{library}: nothing was read of it"
    for line in undefined:
        if SPEAKING.search(line):
            yield f"{library} speaks: {line}"


def main():
    files = sources()
    problems = [p for f in files for p in check_text(f)]
    for library in sys.argv[1:]:
        problems += check_library(library)
    for p in problems:
        print(p)
    if len(files) < 50:
        problems.append("too few files")
    print(f"{len(files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
