#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion in bash, zsh and fish: what the shells themselves would offer

test_completion.py SOCKCTL
"""

import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "docs/completion"
SOCKCTL = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else "build/cli/sockctl").resolve()
ENVIRONMENT = {**os.environ, "PATH": f"{SOCKCTL.parent}:{os.environ['PATH']}", "TERM": "dumb", "LC_ALL": "C.UTF-8"}


def bash(line):
    """readline breaks words at ':' and '=' too."""
    words = []
    for word in shlex.split(line):
        words += [w for w in re.split("([:=])", word) if w]
    if line.endswith(" "):
        words.append("")
    script = (f"source {SCRIPTS}/sockctl.bash; COMP_WORDS=({' '.join(shlex.quote(w) for w in words)}); "
              f"COMP_CWORD={len(words) - 1}; _sockctl; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    out = subprocess.run(["bash", "--norc", "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=30)
    assert not out.stderr, out.stderr
    return out.stdout.split("\n")[:-1]


def fish(line, home):
    script = f"source {SCRIPTS}/sockctl.fish; complete -C {shlex.quote(line)}"
    out = subprocess.run(["fish", "--no-config", "-c", script], env={**ENVIRONMENT, "HOME": home}, capture_output=True, text=True,
                         check=True, timeout=30)
    assert not out.stderr, out.stderr
    return [row.split("\t")[0] for row in out.stdout.splitlines()]


def zsh(line, home):
    """Types the line and a key into a zsh on a terminal; the words that it then shows."""
    os.makedirs(f"{home}/functions", exist_ok=True)
    shutil.copy(SCRIPTS / "sockctl.zsh", f"{home}/functions/_sockctl")
    pathlib.Path(home, ".zshrc").write_text(
        "PS1='%%' ; fpath=(~/functions $fpath); autoload -Uz compinit; compinit -u; zstyle ':completion:*' list-prompt ''\n"
        "LISTMAX=0; unsetopt menucomplete automenu promptcr; print READ''Y\n", encoding="utf-8")
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-i"], {**ENVIRONMENT, "HOME": home, "ZDOTDIR": home, "COLUMNS": "100", "LINES": "900"})
    try:
        text = read_until(fd, b"READY", 20)
        os.write(fd, line.encode() + b"\t\t")
        text = read_until(fd, None, 20)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode(errors="replace")).replace("\a", "")


def read_until(fd, end, seconds):
    """What a terminal says, until it says end, or (None) nothing more for a while."""
    text, limit = b"", time.monotonic() + seconds
    while time.monotonic() < limit:
        if not select.select([fd], [], [], 2.5 if text and end is None else 0.2)[0]:
            if end is None and len(text) > 0 and select.select([fd], [], [], 0.5)[0] == []:
                return text
            continue
        text += os.read(fd, 65536)
        if end and end in text:
            return text
    return text


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.home)
        cls.listener = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(cls.listener.close)
        cls.port = f":{cls.listener.getsockname()[1]}"
        out = subprocess.run([SOCKCTL, "--help"], capture_output=True, text=True, check=True).stdout
        cls.verbs = set(re.findall(r"^  ([a-z]+)(?: .*)?$", out.split("Options:")[0], re.M))
        cls.options = set(re.findall(r"^  (?:-\S,? |    )(--[\w-]+)", out, re.M))

    def test_bash(self):
        self.assertGreater(len(self.verbs), 8)
        self.assertLessEqual(self.verbs, set(bash("sockctl ")))
        self.assertEqual(bash("sockctl mon"), ["monitor"])
        self.assertEqual({w.rstrip("=") for w in bash("sockctl --")}, self.options)
        self.assertIn("-t", bash("sockctl -"))
        self.assertEqual(bash("sockctl --output=js"), ["json", "json-pretty", "json-seq"])
        self.assertIn("rtt", bash("sockctl show -C rt"))
        self.assertEqual(bash("sockctl describe tcpi_rt"), ["tcpi_rto", "tcpi_rtt", "tcpi_rttvar"])
        self.assertEqual(bash("sockctl show -C netid,+sk_rcvb"), ["netid,+sk_rcvbuf"])
        self.assertIn(self.port[1:], bash("sockctl show :"))
        self.assertEqual(bash(f"sockctl {self.port}"), [self.port[1:]])

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish(self):
        self.assertLessEqual(self.verbs, set(fish("sockctl ", self.home)))
        self.assertEqual({w.rstrip("=") for w in fish("sockctl --", self.home)}, self.options)
        self.assertIn("rtt", fish("sockctl describe rt", self.home))
        self.assertEqual(fish("sockctl describe tcpi_rt", self.home), ["tcpi_rto", "tcpi_rtt", "tcpi_rttvar"])
        self.assertEqual(fish("sockctl --color=", self.home), ["--color=always", "--color=auto", "--color=never"])
        self.assertIn(self.port, fish("sockctl show :", self.home))

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh(self):
        text = zsh("sockctl --no-", self.home)
        for option in ("--no-header", "--no-owners", "--no-queues"):
            self.assertIn(option, text)
        self.assertIn("rttvar", zsh("sockctl describe rttv", self.home))
        text = zsh("sockctl describe tcpi_rtt", self.home)
        self.assertIn("tcpi_rttvar", text)
        self.assertIn("Variance of the round-trip time", text)
        self.assertIn("sockctl monitor", zsh("sockctl mon", self.home))
        self.assertIn(self.port, zsh("sockctl show :", self.home))


if __name__ == "__main__":
    unittest.main()
