# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables as the kernel hands them out, byte by byte, counters apart: read by getsockopt and nothing else, so that it
shares no code with what is tested."""
import ctypes
import os
import socket
import struct
from typing import NamedTuple

from netns import Family, Namespace

GET_INFO, GET_ENTRIES = 64, 65           # IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; the same for IPv6
INFO = struct.Struct("=32sI5I5III")      # struct ipt_getinfo
ENTRIES_AT = 40                          # of struct ipt_get_entries: 32 bytes, a number, and what aligns the rest

_libc = ctypes.CDLL(None, use_errno=True)


class Layout(NamedTuple):
    """Where things stand in struct ipt_entry or ip6t_entry."""
    level: int
    length: int      # next_offset
    counters: int
    names: str       # the file that lists the tables there are


LAYOUTS = {"ipv4": Layout(socket.IPPROTO_IP, 90, 96, "/proc/thread-self/net/ip_tables_names"),
           "ipv6": Layout(socket.IPPROTO_IPV6, 142, 152, "/proc/thread-self/net/ip6_tables_names")}


def _ask(kernel: socket.socket, level: int, option: int, question: ctypes.Array) -> None:
    size = ctypes.c_uint32(len(question))
    if _libc.getsockopt(kernel.fileno(), level, option, question, ctypes.byref(size)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _without_counters(entries: bytearray, layout: Layout) -> bytes:
    at = 0
    while at < len(entries):
        entries[at + layout.counters:at + layout.counters + 16] = bytes(16)
        at += struct.unpack_from("=H", entries, at + layout.length)[0]
    return bytes(entries)


def table_names(namespace: Namespace, family: Family) -> set[str]:
    with namespace, open(LAYOUTS[family.name].names, encoding="ascii") as file:
        return set(file.read().split())


def blob(namespace: Namespace, family: Family, table: str) -> tuple[tuple, bytes]:
    """What the kernel says of a table: the places of its hooks, and its rules."""
    layout = LAYOUTS[family.name]
    with namespace, socket.socket(family.af, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:
        info = ctypes.create_string_buffer(table.encode(), INFO.size)
        _ask(kernel, layout.level, GET_INFO, info)
        told = INFO.unpack(info.raw)
        size = told[-1]
        entries = ctypes.create_string_buffer(struct.pack("=32sI", table.encode(), size), ENTRIES_AT + size)
        try:
            _ask(kernel, layout.level, GET_ENTRIES, entries)
        except BlockingIOError:    # it was replaced between the two questions
            return blob(namespace, family, table)
    return told, _without_counters(bytearray(entries.raw[ENTRIES_AT:]), layout)


def blobs(namespace: Namespace, family: Family) -> dict[str, tuple[tuple, bytes]]:
    return {name: blob(namespace, family, name) for name in table_names(namespace, family)}
