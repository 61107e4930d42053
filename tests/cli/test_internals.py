#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sockctl where the kernel module is not loaded: what is said, and with which status; flow and internals

Usage: test_internals.py SOCKCTL    (by --direct and --file: no daemon is needed; with the module the tests are skipped)
"""

import json
import os
import re
import unittest

from sockctl_case import Case, cookie, lines, run

HINT = "sockctl: struct sock and struct socket need the kernel module: modprobe socketd_diag\n"


@unittest.skipIf(os.path.exists("/sys/module/socketd_diag"), "the module is loaded: tests/vm looks at what it gives")
class WithoutModule(Case):
    def target(self):
        return f"sk:{cookie(self.sockets.client):x}"

    def test_whole_has_one_note(self):
        """It is no failure, and there is no empty heading."""
        r = run("--direct", "show", self.target())
        self.assertEqual((r.returncode, r.stderr.decode()), (0, HINT))
        self.assertIn(b"\nMemory\n", r.stdout)
        self.assertNotIn(b"Way through the kernel", r.stdout)
        self.assertEqual(run("--direct", "-q", "show", self.target()).stderr, b"")
        # Nothing matched: that is what is to be said.
        r = run("--direct", "show", "sk:fffffffffffffff")
        self.assertEqual((r.returncode, r.stderr.count(b"\n")), (1, 1))
        self.assertIn(b"no socket matches", r.stderr)

    def test_listings_say_nothing(self):
        for args in ([], ["-e"], ["-tai"], ["-C", "+sk_rcvbuf,sk_mark,sk_shutdown"], ["fwmark = 0x1"], ["--json", self.target()]):
            with self.subTest(args=args):
                self.assertEqual(run("--direct", "show", *args).stderr, b"")

    def test_fields_that_were_asked_for(self):
        for args in (["-C", "+sk_priority"], ["--sort=sk_rcvlowat"], ["--format={sk_data_ready}"], ["-C", "holding", self.target()],
                     ["--group-by=sk_prot"]):
            with self.subTest(args=args):
                r = run("--direct", "show", *args)
                self.assertEqual((r.returncode, r.stderr.decode()), (3, HINT))
                self.assertGreater(len(lines(r.stdout)), 1 if args != ["--format={sk_data_ready}"] else 0)
        for text in ("sk_rcvlowat > 1", "not has sk_prot", "sk_refcnt/sk_rcvlowat > 1", "state listening or holding = orphan"):
            with self.subTest(text=text):
                r = self.fails(3, "^sockctl: the filter needs the kernel module: modprobe socketd_diag: the filter cannot be answered$",
                               "--direct", "show", text)
                self.assertEqual(len(lines(r.stderr)), 1)

    def test_internals(self):
        r = run("--direct", "internals", self.target())
        self.assertEqual((r.returncode, r.stderr.decode()), (3, HINT))
        self.fails(2, "internals takes an argument: TARGET", "internals")
        self.fails(3, "it was made without the kernel module", "--file", self.recording, "internals", self.target())

    def test_flow(self):
        for args in ([], ["--dot"], ["--json"], ["--json=pretty"]):
            with self.subTest(args=args):
                r = run("--direct", "flow", *args, self.target())
                self.assertEqual((r.returncode, r.stdout, r.stderr.decode()), (3, b"", HINT))
        self.fails(2, "flow takes an argument: TARGET", "flow")
        self.fails(2, "--dot: not an option of the verb show", "show", "--dot")
        self.fails(2, "--dot and --json do not go together", "flow", "--dot", "--json", self.target())
        self.fails(2, "the filter: ", "flow", "nosuchfield = 1")
        self.fails(3, "it was made without the kernel module", "--file", self.recording, "flow", self.target())
        # Not many sockets are what is wrong here.
        self.fails(3, "modprobe socketd_diag", "--direct", "flow", "family = unix or family = inet")

    def test_recordings_have_what_they_have(self):
        self.assertEqual(self.show("-C", "sk_refcnt", "--output=csv", self.target()).decode().split(), ["sk_refcnt"])
        self.show("-C", "cookie,sk_refcnt", "--output=csv", self.target())

    def test_documents_say_what_was_read(self):
        reading = json.loads(run("--direct", "show", "--json", self.target()).stdout)
        self.assertFalse(reading["partial"])
        row = reading["sockets"][0]
        self.assertFalse([k for k in row if re.match(r"ops_|prot_|socket_|holding", k)])

    def test_help_has_options_of_the_verb_only(self):
        text = self.good("help", "flow").decode()
        self.assertIn("--dot", text)
        self.assertNotIn("--sort", text)
        self.assertNotIn("--dot", self.good("help", "show").decode())


if __name__ == "__main__":
    unittest.main()
