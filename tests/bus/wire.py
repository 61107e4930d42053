# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus on a socket, bytes and all: for clients that no library would let one write"""

import os
import socket
import struct

ALIGN = {"y": 1, "b": 4, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8, "s": 4, "o": 4, "g": 1, "h": 4, "a": 4, "v": 1, "(": 8, "{": 8}
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}


def split(signature):
    """The first complete type of a signature, and the rest."""
    if signature[0] == "a":
        first, rest = split(signature[1:])
        return "a" + first, rest
    if signature[0] in "({":
        depth = 0
        for i, c in enumerate(signature):
            depth += (c in "({") - (c in ")}")
            if depth == 0:
                return signature[:i + 1], signature[i + 1:]
    return signature[0], signature[1:]


def types(signature):
    while signature:
        first, signature = split(signature)
        yield first


def pack(out, signature, values):
    """Appends values; a variant is a pair (signature, value), a dict is a list of pairs."""
    for kind, value in zip(types(signature), values):
        out += bytes(-len(out) % ALIGN[kind[0]])
        if kind in FIXED:
            out += struct.pack("<" + FIXED[kind], value)
        elif kind in "so":
            data = value if isinstance(value, bytes) else value.encode()
            out += struct.pack("<I", len(data)) + data + b"\0"
        elif kind == "g":
            out += bytes([len(value)]) + value.encode() + b"\0"
        elif kind == "v":
            pack(out, "g", [value[0]])
            pack(out, value[0], [value[1]])
        elif kind[0] == "a":
            place = len(out)
            out += bytes(4)
            out += bytes(-len(out) % ALIGN[kind[1]])
            begin = len(out)
            for item in value:
                pack(out, kind[1:], [item])
            out[place:place + 4] = struct.pack("<I", len(out) - begin)
        else:
            pack(out, kind[1:-1], value)


def unpack(data, at, signature):
    """The values of a signature from data[at:], and where they end."""
    values = []
    for kind in types(signature):
        at += -at % ALIGN[kind[0]]
        if kind in FIXED:
            size = struct.calcsize(FIXED[kind])
            values.append(struct.unpack_from("<" + FIXED[kind], data, at)[0])
            at += size
        elif kind in "so":
            n = struct.unpack_from("<I", data, at)[0]
            values.append(bytes(data[at + 4:at + 4 + n]).decode())
            at += 5 + n
        elif kind == "g":
            values.append(bytes(data[at + 1:at + 1 + data[at]]).decode())
            at += 2 + data[at]
        elif kind == "v":
            inner, at = unpack(data, at, "g")
            value, at = unpack(data, at, inner[0])
            values += value
        elif kind[0] == "a":
            n = struct.unpack_from("<I", data, at)[0]
            at += 4
            at += -at % ALIGN[kind[1]]
            end, items = at + n, []
            if kind[1] == "y":
                items, at = bytes(data[at:end]), end
            while at < end:
                item, at = unpack(data, at, kind[1:])
                items += item
            values.append(items)
        else:
            item, at = unpack(data, at, kind[1:-1])
            values.append(tuple(item))
    return values, at


ALLOW_PROMPT = 4  # flag ALLOW_INTERACTIVE_AUTHORIZATION of a message


class Reply:
    def __init__(self, kind, fields, body, data, own_serial=0):
        self.kind, self.data, self.own_serial, self.sender = kind, data, own_serial, fields.get(7)
        self.serial, self.error, self.member = fields.get(5), fields.get(4), fields.get(3)
        self.signature = fields.get(8, "")
        self.body = unpack(body, 0, self.signature)[0] if self.signature else []


class Wire:
    """A connection to a bus (bus=True) or a peer; it does nothing that it is not told."""

    def __init__(self, path, bus=False, uid=0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        # The kernel tells the peer who we were when we connected.
        os.seteuid(uid)
        try:
            self.socket.connect(str(path))
        finally:
            os.seteuid(0)
        self.buffer = bytearray()
        self.serial, self.bus = 0, bus
        self.fds = []
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        for word in (b"OK", b"AGREE"):
            line = self.line()
            if not line.startswith(word):
                raise ConnectionError(line)
        if bus:
            self.name = self.ask("Hello", interface="org.freedesktop.DBus", path="/org/freedesktop/DBus",
                                 destination="org.freedesktop.DBus").body[0]

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return bytes(line)

    def fill(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
        if not data:
            raise ConnectionError("closed by the peer")
        self.fds += fds
        self.buffer += data

    def message(self, member, signature="", values=(), interface="org.socketd1.Manager", path="/org/socketd1",
                destination="org.socketd1", flags=0):
        body, head = bytearray(), bytearray()
        self.serial += 1
        pack(body, signature, values)
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
        if self.bus:
            fields.append((6, ("s", destination)))
        if signature:
            fields.append((8, ("g", signature)))
        pack(head, "yyyyuua(yv)", [ord("l"), 1, flags, 1, len(body), self.serial, fields])
        return bytes(head) + bytes(-len(head) % 8) + bytes(body)

    def send(self, *arguments, **options):
        self.socket.sendall(self.message(*arguments, **options))
        return self.serial

    def read(self):
        """The next message, whatever it is."""
        while len(self.buffer) < 16:
            self.fill()
        n_body, own_serial, n_fields = struct.unpack_from("<III", self.buffer, 4)
        begin = 16 + n_fields + -n_fields % 8
        while len(self.buffer) < begin + n_body:
            self.fill()
        fields = dict(unpack(self.buffer, 12, "a(yv)")[0][0])
        reply = Reply(self.buffer[1], fields, self.buffer[begin:begin + n_body], begin + n_body, own_serial)
        del self.buffer[:begin + n_body]
        return reply

    def answer(self, call):
        """An empty reply to a call that was read."""
        self.serial += 1
        head = bytearray()
        pack(head, "yyyyuua(yv)", [ord("l"), 2, 0, 1, 0, self.serial, [(5, ("u", call.own_serial)), (6, ("s", call.sender))]])
        self.socket.sendall(bytes(head) + bytes(-len(head) % 8))

    def reply(self, serial):
        while True:
            message = self.read()
            if message.kind in (2, 3) and message.serial == serial:
                return message

    def replies(self, serials):
        """Of several calls, in whatever order they come."""
        found, wanted = {}, set(serials)
        while wanted - set(found):
            message = self.read()
            if message.kind in (2, 3) and message.serial in wanted:
                found[message.serial] = message
        return [found[s] for s in serials]

    def ask(self, *arguments, **options):
        return self.reply(self.send(*arguments, **options))

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
