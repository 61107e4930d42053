#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds sockets until it is stopped

listen PORT; pair PORT: a connection to itself as well, whose end is printed; leak PORT: one with an end closed.
"""

import os
import select
import socket
import sys


def ready():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(os.environ["NOTIFY_SOCKET"])
    s.send(b"READY=1")
    s.close()


def main():
    what, port = sys.argv[1], int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", port))
    if what == "listen":
        ready()
        select.select([], [], [])
    client = socket.create_connection(("127.0.0.1", port))
    server, _ = listener.accept()
    if what == "leak":
        client.close()
    ready()
    if what == "leak":
        select.select([], [], [])
    end = "closed"
    try:
        client.recv(1)
    except OSError as e:
        end = e.strerror
    print(end, flush=True)
    select.select([], [], [server])


if __name__ == "__main__":
    main()
