#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl as its user meets it: help, mistakes, exit status, and what it does on a terminal

Usage: test_options.py SOCKCTL    (all by --direct and --file: no daemon is needed)
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest

from sockctl_case import ENV, ROOT, SOCKCTL, TIMEOUT, Case, lines, on_terminal, run


class Help(Case):
    def options(self):
        found = []
        for line in lines(self.good("--help")):
            m = re.match(r"  (?:-(\w),? ?|    )(--[\w-]+)?", line)
            if m and (m[1] or m[2]):
                found.append((m[1], m[2]))
        return found

    def test_options_are_in_man_page(self):
        options = self.options()
        self.assertGreater(len(options), 50)
        man = (ROOT / "docs/sockctl.1.scd").read_text()
        for letter, name in options:
            if letter:
                self.assertIn(f"*-{letter}*", man)
            if name:
                self.assertRegex(man, rf"\*{name}[=*]")

    def test_man_page_has_no_option_of_its_own(self):
        man = (ROOT / "docs/sockctl.1.scd").read_text()
        headings = [line for line in man.splitlines() if line.startswith("*-")]
        known = {n for pair in self.options() for n in pair if n} | {"--socket"}
        for name in re.findall(r"\*(--?[\w-]+)[=*]", "\n".join(headings)):
            self.assertIn(name.lstrip("-") if len(name) == 2 else name, known)

    def test_verbs_are_the_same_everywhere(self):
        text = lines(self.good("--help"))
        start = text.index("Verbs:")
        verbs = {}
        for line in text[start + 1:text.index("Options:")]:
            m = re.match(r"  (\w+) (\S.*?)?(?:  |$)", line)
            if m:
                verbs[m[1]] = m[2] or ""
        self.assertEqual(set(verbs), {"show", "stat", "monitor", "kill", "internals", "flow", "peers", "status", "describe", "record", "help"})
        man = (ROOT / "docs/sockctl.1.scd").read_text()
        for verb, args in verbs.items():
            heading = re.search(rf"^\*{verb}\*(.*)$", man, re.M)
            self.assertTrue(heading, verb)
            self.assertEqual(re.sub(r"[_\s]", "", heading[1]), re.sub(r"\s", "", args), verb)
            self.assertIn(f"sockctl [OPTIONS...] {verb}", self.good("help", verb).decode())

    def test_help_of_a_verb_has_what_it_takes(self):
        """And what is not there is refused."""
        options = self.options()
        for verb in ("show", "stat", "monitor", "internals", "flow", "status", "describe", "record", "help"):
            text = self.good("help", verb).decode()
            for letter, name in options:
                listed = re.search(rf"^  (-{letter}\b|    {name}\b)" if letter else rf"^      {name}\b", text, re.M)
                option = name or f"-{letter}"
                if listed or option in ("--help", "--version"):
                    continue
                value = "=1s" if re.search(rf"^ .*{option}=[A-Z]", self.good("--help").decode(), re.M) else ""
                if option in ("--net", "--family", "--query", "--color", "--json", "--output"):
                    value = {"--net": "=/proc/self/ns/net", "--family": "=inet", "--query": "=tcp", "--color": "=never",
                             "--json": "=short", "--output": "=csv"}[option]
                if option in ("--limit", "--count"):
                    value = "=1"
                if option in ("--kill", "--summary"):
                    continue
                with self.subTest(verb=verb, option=option):
                    self.fails(2, f"not an option of the verb {verb}; see sockctl help {verb}", option + value, verb, "x")

    def test_exit_codes_are_in_man_page(self):
        man = (ROOT / "docs/sockctl.1.scd").read_text()
        header = (ROOT / "cli/exit.h").read_text()
        codes = set(re.findall(r"EXIT_\w+ = (\d+)", header))
        self.assertEqual(codes, set(re.findall(r"^\*(\d+)\*$", man, re.M)))

    def test_version(self):
        self.assertRegex(self.good("--version").decode(), r"^sockctl \d+\.\d+\.\d+\n$")


class Mistakes(Case):
    def test_usage(self):
        for pattern, *args in [
            (r"no such option: -Z", "show", "-Z"),
            (r"no such option.*--nonsense", "--nonsense"),
            (r"--limit.*not a number", "show", "--limit=x"),
            (r"--limit.*not a number", "show", "--limit=-1"),
            (r"needs an argument", "show", "--sort"),
            (r"takes no argument", "show", "--direct=1"),
            (r'--json: "xml" is none of short', "show", "--json=xml"),
            (r'--output: "xml" is none of table', "show", "--output=xml"),
            (r'--color: "x" is none of auto', "--color=x"),
            (r"no such verb: shwo; see sockctl --help", "shwo"),
            (r"no such verb: stats; see sockctl --help", "stats"),
            (r"-C: rtt is no column of this table", "show", "-C", "-rtt"),
            (r"autobound: only the running kernel knows", "--file", "/dev/null", "show", "autobound"),
            (r"no such verb: shwo", "help", "shwo"),
            (r"-C: no such field: tcpi_rt; did you mean tcpi_r", "show", "-C", "tcpi_rt"),
            (r"no column is left", "show", "-C", "-netid,-state,-recv_q,-send_q,-local:port,-peer:port,-users"),
            (r"--sort: no such field: nope", "show", "--sort=-nope"),
            (r"--group-by: no such field", "show", "--group-by=pid,zzz"),
            (r"--by: no such field", "stat", "--by=zzz"),
            (r"--by.*not an option of the verb show", "show", "--by=state"),
            (r"--sort.*not an option of the verb record", "record", "--sort=pid", "x"),
            (r"stat: --sort orders the groups of --by", "stat", "--sort=state"),
            (r"--sort: rtt is no column of these groups", "stat", "--by=state", "--sort=rtt"),
            (r"--sort: rcv is no column of these groups", "stat", "--by=state", "--sort=-state,rcv"),
            (r"describe: no such field: rcvbuff; did you mean", "describe", "rtt", "rcvbuff"),
            (r"this { has no }", "show", "--format", "{pid"),
            (r"no such field: nix", "show", "--format", "a{nix}"),
            (r"record takes an argument: FILE", "record"),
            (r"help takes no more than", "help", "show", "stat"),
            (r'-A: "foo" is none of: all', "show", "-A", "tcp,foo"),
            (r'-f: "foo" is none of: link unix inet', "show", "-f", "foo"),
            (r"-N /etc/passwd: it is no namespace", "show", "-N", "/etc/passwd"),
            (r"kill: nobody is there to be asked", "show", "-K", ":22"),
            (r"terminal|regular file", "record", "/dev/null"),
            (r"No such file", "--file", "/nonexistent/x", "show"),
        ]:
            with self.subTest(args=args):
                r = self.fails(2, pattern, *args)
                self.assertEqual(r.stdout, b"")
                self.assertTrue(r.stderr.startswith(b"sockctl: "))

    def test_options_of_which_one_would_be_ignored(self):
        for pattern, *args in [
            (r"--json and --output", "--json", "--output=csv"), (r"--json and --output", "--output=json-seq", "--json=seq"),
            (r"-j and --output", "-j", "--output=kv"), (r"--format and --output", "--format={pid}", "--output=csv"),
            (r"--format and --json", "--format={pid}", "--json"), (r"--format and --json|--format and -j", "--format={pid}", "-j"),
            (r"--format and --columns", "--format={pid}", "-C", "pid"),
            (r"--file and --direct", "--direct", f"--file={self.recording}"), (r"--file and --bus", "--bus=system", f"--file={self.recording}"),
            (r"--direct and --bus", "--direct", "--bus=system"), (r"--group-by and --columns", "--group-by=pid", "-C", "pid"),
            (r"--group-by and --sort", "--group-by=pid", "--sort=pid"), (r"--group-by and --format", "--group-by=pid", "--format={pid}"),
            (r"--summary and --sort", "-s", "--sort=pid"), (r"--summary and --columns", "-s", "-C", "pid"),
            (r"--summary and --format", "-s", "--format={pid}"), (r"--summary and --group-by", "-s", "--group-by=pid"),
        ]:
            with self.subTest(args=args):
                r = self.fails(2, rf"^sockctl: ({pattern}) do not go together", "show", *args)
                self.assertEqual((r.stdout, len(lines(r.stderr))), (b"", 1))

    def test_names_are_looked_at_though_nothing_is_printed(self):
        for args in (["--sort=nope"], ["-C", "nope"], ["--format={nope}"], ["--group-by=nope"]):
            with self.subTest(args=args):
                self.fails(2, "no such field: nope", "--file", self.recording, "show", "-q", *args)

    def test_families_are_those_of_filters(self):
        words = re.search(r"WORDS\(family,(.*?);", (ROOT / "daemon/model/words.c").read_text(), re.S)
        families = re.findall(r'"(\w+)" \}', words[1])
        self.assertIn("alg", families)
        page = (ROOT / "docs/sockctl.1.scd").read_text()
        for family in ["link", *families]:
            with self.subTest(family=family):
                self.show("-f", family)
                self.show("-f", family, "-a", "-x")
                self.assertIn(f"*{family}*", page)
        everything = [word for family in families for word in ("-f", family)]
        self.assertEqual(self.inodes("-a", *everything), self.inodes("-a"))
        # What is listening is not among what ss lists by itself; of other families it does not know.
        self.assertEqual(self.ours("-f", "unix", "-f", "alg"), self.ours("-x"))
        self.assertEqual(self.show("-f", "link"), self.show("-f", "packet"))

    def test_filter_that_is_too_long_with_letters(self):
        """The text alone is within the bounds: nothing in it is pointed at."""
        for text in (" or ".join(["pid = 1"] * 64), "comm = '" + "x" * 4080 + "'"):
            self.assertIn(run("--file", self.recording, "show", text).returncode, (0, 1))
            r = self.fails(2, "too much together with the letters", "--file", self.recording, "show", "-tl", text)
            self.assertEqual((r.stdout, len(lines(r.stderr))), (b"", 1))
            self.assertNotIn(b"^", r.stderr)
        r = self.fails(2, "^sockctl: the filter: ", "--file", self.recording, "show", "-tl", " or ".join(["pid = 1"] * 65))
        self.assertEqual(len(lines(r.stderr)), 3)

    def test_bytes_of_the_user_do_not_act_on_the_terminal(self):
        for args in (["\x1b[31m"], ["show", "\x1b[31m"], ["show", "-C", "\x1b[31m"], ["show", "--format", "{\x1b}"],
                     ["describe", b"\xff\x1b"], ["show", "-A", "\x1b"], ["help", "\x1b"], ["show", "-f", "\x1b"],
                     ["--file", "/nonexistent\x1b[31m", "show"], ["-\x1b"], ["--\x1b"], ["show", "--limit=\x1b"]):
            with self.subTest(args=args):
                r = run(*args)
                self.assertEqual(r.returncode, 2)
                self.assertNotRegex(r.stderr, rb"[\x00-\x08\x0b-\x1f\x7f\xff]")

    def test_filter_mistake_is_pointed_at(self):
        for text, token in [("state foo and sport = :22", "foo"), ("rtt > 20xs", "20xs"), ("(sport = :22", "("),
                            ("comm = 'ééé' and nofield = 1", "nofield"), ("comm = '日本' and nofield = 1", "nofield")]:
            with self.subTest(text=text):
                r = self.fails(2, "^sockctl: the filter: ", "--direct", "show", text)
                err = lines(r.stderr)
                self.assertEqual(err[1], "    " + text)
                start, width = err[2].index("^"), err[2].count("^")
                # In columns of a terminal: a wide character takes two where the locale knows it.
                columns = "".join(c if ord(c) < 0x2e80 else c + "\0" for c in err[1])
                narrow = err[1][start:start + width]
                self.assertIn(token, (columns[start:start + width], narrow))

    def test_unreachable_daemon(self):
        self.fails(3, ".", "--bus=unix:path=/nonexistent/socket", "show")

    def test_full_disk(self):
        for args in (["--file", self.recording, "show"], ["--version"], ["--help"], ["help", "stat"], ["describe", "rtt"],
                     ["-C", "help"], ["--direct", "record", os.path.join(self.folder, "full.skd")]):
            with self.subTest(args=args), open("/dev/full", "w") as full:
                p = subprocess.run([SOCKCTL, *args], stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT)
                self.assertEqual(p.returncode, 5)
                self.assertIn(b"No space left", p.stderr)


class Terminal(Case):
    def pager(self):
        """A pager that tells that it ran."""
        mark = os.path.join(self.folder, "paged")
        script = os.path.join(self.folder, "pager.sh")
        with open(script, "w") as f:
            f.write(f"#!/bin/sh\ncat > {mark}\n")
        os.chmod(script, 0o755)
        if os.path.exists(mark):
            os.unlink(mark)
        return script, mark

    def test_pager_only_for_what_is_longer_than_the_screen(self):
        script, mark = self.pager()
        args = ("--file", self.recording, "show")
        for env, more, rows, paged in [
            ({"SOCKCTL_PAGER": script}, (), 5, True), ({"SOCKCTL_PAGER": script}, (), 500, False),
            ({"PAGER": script}, (), 5, True), ({"SOCKCTL_PAGER": "", "PAGER": script}, (), 5, False),
            ({"SYSTEMD_PAGER": "cat", "PAGER": script}, (), 5, False), ({"PAGER": script}, ("--no-pager",), 5, False),
        ]:
            with self.subTest(env=env, rows=rows):
                if os.path.exists(mark):
                    os.unlink(mark)
                code, shown = on_terminal(*args, *more, env={**env, "SYSTEMD_PAGERSECURE": "0"}, rows=rows)
                self.assertEqual(code, 0)
                self.assertEqual(os.path.exists(mark), paged)
                text = pathlib.Path(mark).read_bytes() if paged else shown
                self.assertIn(f"127.0.0.1:{self.sockets.port}".encode(), text)
        self.assertFalse(self.paged_in_pipe(script, mark))

    def paged_in_pipe(self, script, mark):
        if os.path.exists(mark):
            os.unlink(mark)
        self.good("--file", self.recording, "show", env={"PAGER": script, "LINES": "3"})
        return os.path.exists(mark)

    def test_secure_pager(self):
        """Under sudo the variable must not start a program of the user's choice."""
        script, mark = self.pager()
        on_terminal("--file", self.recording, "show", env={"PAGER": script, "SYSTEMD_PAGERSECURE": "1"}, rows=5)
        self.assertFalse(os.path.exists(mark))

    def test_pager_that_is_left_early(self):
        code, _ = on_terminal("describe", "--json", env={"PAGER": "true", "SYSTEMD_PAGERSECURE": "0"}, rows=5)
        self.assertEqual(code, 0)

    def test_colours_and_footer(self):
        args = ("--file", self.recording, "show", "--no-pager")
        green, end = b"\x1b[32mESTAB\x1b[0m", b" listed.\n"
        _, shown = on_terminal(*args)
        self.assertIn(green, shown)
        self.assertTrue(shown.endswith(end), shown[-60:])
        self.assertIn(b"\n%d sockets listed.\n" % len(self.rows()), shown)
        for env, more in [({"NO_COLOR": "1"}, ()), ({"SYSTEMD_COLORS": "0"}, ()), ({"TERM": "dumb"}, ()), ({}, ("--color=never",))]:
            _, shown = on_terminal(*args, *more, env=env)
            self.assertNotIn(b"\x1b", shown, (env, more))
        _, shown = on_terminal(*args, "--no-legend")
        self.assertNotIn(b"listed", shown)
        self.assertNotIn(b"Netid", shown)
        piped = self.good(*args)
        self.assertNotIn(b"\x1b", piped)
        self.assertNotIn(b"listed", piped)
        coloured = self.good(*args, "--color=always")
        self.assertIn(green, coloured)
        self.assertEqual(re.sub(rb"\x1b\[\d*m", b"", coloured), piped)

    def test_full_accept_queue_is_red(self):
        with socket.create_server(("127.0.0.1", 0), backlog=1) as s:
            clients = [socket.create_connection(s.getsockname()) for _ in range(2)]
            shown = self.good("--direct", "show", "-tl", f"sport = :{s.getsockname()[1]}", "--color=always")
            for c in clients:
                c.close()
        self.assertIn(b"\x1b[31mLISTEN\x1b[0m", shown)

    def test_j_is_pretty_on_a_terminal(self):
        _, shown = on_terminal("--file", self.recording, "show", "-j", "--no-pager")
        self.assertGreater(shown.count(b"\n"), 20)
        self.assertEqual(json.loads(shown), json.loads(self.show("--json")))

    def test_reader_that_goes_away(self):
        p = subprocess.Popen([SOCKCTL, "describe", "--json=pretty"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
        p.stdout.read(100)
        p.stdout.close()
        err = p.stderr.read()
        p.stderr.close()
        self.assertEqual((p.wait(TIMEOUT), err), (-signal.SIGPIPE, b""))


if __name__ == "__main__":
    unittest.main(verbosity=1)
