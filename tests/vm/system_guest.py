#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs in the guest of system.sh, as a service of its systemd: each check prints a line, ok or FAIL"""

import sys
import time
import traceback

import system_guest_names
import system_guest_rights
import system_guest_service
from system_guest_run import Failed, run

START = time.monotonic()


def main():
    failed = 0
    parts = [system_guest_service.before(), system_guest_rights.checks(), system_guest_names.checks(), system_guest_service.after()]
    for check in (c for part in parts for c in part):
        begin = time.monotonic()
        try:
            said = check()
        except Exception as e:
            failed += 1
            said = str(e) if isinstance(e, Failed) else traceback.format_exc()
            print(f"FAIL {check.__doc__} ({time.monotonic() - begin:.1f} s)")
            print("".join(f"     {line}\n" for line in said.splitlines()), end="")
        else:
            print(f"ok   {check.__doc__}{': ' + said if said else ''} ({time.monotonic() - begin:.1f} s)")
        sys.stdout.flush()
    print(f"{failed} failed; {time.monotonic() - START:.0f} s")
    if failed:
        print(run("journalctl -b --no-pager -u socketd -u socketd-netns -u polkit -n 60", check=False))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
