# SPDX-License-Identifier: GPL-2.0-or-later
"""Ordinary clients of the services. Each answers with "" for success, or what went wrong."""
import errno
import ftplib
import itertools
import socket
import time
from typing import NamedTuple

from netns import Family, Namespace, address
from packets import ECHO_REPLY, ECHO_REQUEST, ICMP, icmp_message
from services import CHUNK, receive_exactly

# Seconds within which the reject of a connection has to arrive. On these links the reject of a SYN
# is back before connect() has let go of its socket, and IPv6 then takes note of it only at the
# second SYN, a second later.
SECOND_SYN = 1.5

_marks = itertools.count(1)


class End(NamedTuple):
    """A host in the role of a client: where its sockets are made and what they are bound to."""
    namespace: Namespace
    who: str
    family: Family

    def address(self) -> str:
        return address(self.who, self.family)

    def open(self, kind: int, port: int = 0) -> socket.socket:
        with self.namespace:
            sock = socket.socket(self.family.af, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address(), port))
        return sock


def why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return errno.errorcode.get(error.errno, str(error)) if error.errno else str(error)


def connect(end: End, dest: str, port: int, timeout: float = 1.0, sport: int = 0) -> socket.socket:
    sock = end.open(socket.SOCK_STREAM, sport)
    try:
        sock.settimeout(timeout)
        sock.connect((dest, port))
    except OSError:
        sock.close()
        raise
    return sock


def echo(sock: socket.socket, data: bytes = b"hello") -> str:
    """One round trip over a connection that said `echo` before."""
    try:
        sock.sendall(data)
        count = receive_exactly(sock, len(data))
    except OSError as error:
        return why(error)
    return "" if count == len(data) else "closed"


def open_echo(end: End, dest: str, port: int, timeout: float = 1.0) -> socket.socket:
    sock = connect(end, dest, port, timeout)
    sock.sendall(b"echo\n")
    return sock


def tcp(end: End, dest: str, port: int, timeout: float = 1.0) -> str:
    try:
        with open_echo(end, dest, port, timeout) as sock:
            return echo(sock)
    except OSError as error:
        return why(error)


def download(end: End, dest: str, port: int, size: int = 300_000, timeout: float = 2.0) -> str:
    try:
        with connect(end, dest, port, timeout) as sock:
            sock.sendall(b"send %d\n" % size)
            count = 0
            try:
                while data := sock.recv(65536):
                    count += len(data)
            except OSError as error:
                return f"{count} of {size} bytes, then {why(error)}"
            return "" if count == size else f"{count} of {size} bytes"
    except OSError as error:
        return why(error)


def upload(end: End, dest: str, port: int, size: int = 300_000, timeout: float = 2.0) -> str:
    try:
        with connect(end, dest, port, timeout) as sock:
            sock.sendall(b"take %d\n" % size)
            for start in range(0, size, len(CHUNK)):
                sock.sendall(CHUNK[:size - start])
            return "" if receive_exactly(sock, 3) == 3 else "closed"
    except OSError as error:
        return why(error)


def udp(end: End, dest: str, port: int, request: int = 32, answer: int = 32, sport: int = 0,
        connected: bool = True, tries: int = 1, timeout: float = 0.6) -> str:
    """Ask for `answer` bytes with a request of `request` bytes."""
    result = "no answer"
    try:
        with end.open(socket.SOCK_DGRAM, sport) as sock:
            sock.settimeout(timeout)
            if connected:
                sock.connect((dest, port))
            for _ in range(tries):
                mark = b"ask-%d" % next(_marks)
                sock.sendto(b"%d %s " % (answer, mark) + b"." * (request - 32), (dest, port))
                try:
                    data = sock.recv(65536)
                except TimeoutError:
                    continue
                if data.split(b" ")[0] != mark:
                    result = "another answer"
                elif len(data) != answer:
                    result = f"{len(data)} of {answer} bytes"
                else:
                    return ""
    except OSError as error:
        return why(error)
    return result


def ping(end: End, dest: str, size: int = 8, timeout: float = 0.6) -> str:
    with end.namespace:
        sock = socket.socket(end.family.af, socket.SOCK_RAW, ICMP[end.family.name])
    number = next(_marks) & 0xffff
    with sock:
        sock.bind((end.address(), 0))
        sock.sendto(icmp_message(end.family, end.address(), dest, ECHO_REQUEST[end.family.name], 0,
                                 number << 16, b"." * size), (dest, 0))
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data = sock.recv(65536)
            except TimeoutError:
                break
            message = data[20:] if end.family.index == 0 else data
            if (message[0] == ECHO_REPLY[end.family.name] and len(message) == 8 + size
                    and message[4:6] == number.to_bytes(2, "big")):
                return ""
    return "no answer"


def ftp(end: End, dest: str, passive: bool, timeout: float = 1.5) -> str:
    client = ftplib.FTP(timeout=timeout, source_address=(end.address(), 0))
    got = []
    try:
        with end.namespace:
            client.connect(dest, 21)
            client.login("test", "test")
            client.set_pasv(passive)
            client.retrbinary("RETR file", got.append)
            client.quit()
    except (OSError, EOFError, ftplib.Error) as error:
        return str(error) or repr(error)
    finally:
        client.close()
    count = sum(map(len, got))
    return "" if count == 5000 else f"{count} of 5000 bytes"
