# SPDX-License-Identifier: GPL-2.0-or-later
"""What listens in the namespaces: a TCP and a UDP service that do as they are asked, and a small
FTP server.

A TCP client sends one line. `echo`: all that follows comes back. `send N`: N bytes come and the
connection closes. `take N`: after N bytes the service says `ok`. A UDP client sends the wanted size
of the answer, a blank, and a mark that the answer begins with.
"""
import contextlib
import itertools
import socket
import threading

from netns import Family, Namespace

CHUNK = b"x" * 65536
DATA_PORTS = itertools.cycle(range(61000, 61101))    # for passive FTP, as the policies say


def bind(namespace: Namespace, family: Family, kind: int, address: str, port: int) -> socket.socket:
    with namespace:
        sock = socket.socket(family.af, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family.af == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    return sock


def receive_exactly(sock: socket.socket, count: int) -> int:
    """Read and forget; how many came before the end of the stream."""
    done = 0
    while done < count:
        data = sock.recv(min(65536, count - done))
        if not data:
            break
        done += len(data)
    return done


def read_line(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            return b""
        line += byte
    return line.strip()


def _serve_tcp(sock: socket.socket) -> None:
    command, _, count = read_line(sock).partition(b" ")
    if command == b"echo":
        while data := sock.recv(65536):
            sock.sendall(data)
    elif command == b"send":
        left = int(count)
        while left > 0:
            sock.sendall(CHUNK[:left])
            left -= min(left, len(CHUNK))
    elif command == b"take":
        if receive_exactly(sock, int(count)) == int(count):
            sock.sendall(b"ok\n")


def _in_thread(function, *arguments) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


class Services:
    """Starts services; remembers the marks that UDP services received."""

    def __init__(self):
        self.received: set[bytes] = set()

    def tcp(self, namespace: Namespace, family: Family, *ports: int, address: str = "",
            serve=_serve_tcp) -> None:
        for port in ports:
            listener = bind(namespace, family, socket.SOCK_STREAM, address, port)
            listener.listen(1024)
            _in_thread(self._accept, listener, serve)

    @staticmethod
    def _accept(listener: socket.socket, serve) -> None:
        def conversation(sock):
            with sock, contextlib.suppress(OSError, ValueError):
                serve(sock)
        while True:
            with contextlib.suppress(OSError):
                sock, _ = listener.accept()
                _in_thread(conversation, sock)

    def udp(self, namespace: Namespace, family: Family, *ports: int, address: str = "") -> None:
        for port in ports:
            _in_thread(self._answer, bind(namespace, family, socket.SOCK_DGRAM, address, port))

    def _answer(self, sock: socket.socket) -> None:
        while True:
            with contextlib.suppress(OSError, ValueError):
                request, client = sock.recvfrom(65536)
                size, _, rest = request.partition(b" ")
                mark = rest.split(b" ")[0]
                self.received.add(mark)
                sock.sendto(mark.ljust(int(size), b" "), client)

    def ftp(self, namespace: Namespace, family: Family, port: int = 21) -> None:
        self.tcp(namespace, family, port,
                 serve=lambda sock: FtpSession(namespace, family, sock).run())


class FtpSession:
    """As much of FTP as one file in passive or active mode needs."""

    def __init__(self, namespace: Namespace, family: Family, control: socket.socket):
        self.namespace, self.family, self.control = namespace, family, control
        self.listener: socket.socket | None = None
        self.active: tuple[str, int] | None = None

    def say(self, text: str) -> None:
        self.control.sendall(text.encode() + b"\r\n")

    def run(self) -> None:
        self.say("220 ready")
        while line := read_line(self.control).decode():
            word, _, argument = line.partition(" ")
            answer = getattr(self, "do_" + word.lower(), None)
            if answer:
                answer(argument)
            else:
                self.say("200 ok")
            if word.upper() == "QUIT":
                return

    def _listen(self) -> int:
        here = self.control.getsockname()[0]
        self.listener = bind(self.namespace, self.family, socket.SOCK_STREAM, here,
                             next(DATA_PORTS))
        self.listener.listen(1)
        self.listener.settimeout(2)
        return self.listener.getsockname()[1]

    def do_user(self, _) -> None:
        self.say("230 welcome")

    def do_pasv(self, _) -> None:
        port = self._listen()
        numbers = self.control.getsockname()[0].split(".") + [str(port >> 8), str(port & 255)]
        self.say(f"227 Entering Passive Mode ({','.join(numbers)})")

    def do_epsv(self, _) -> None:
        self.say(f"229 Entering Extended Passive Mode (|||{self._listen()}|)")

    def do_port(self, argument: str) -> None:
        numbers = argument.split(",")
        self.active = (".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))
        self.say("200 ok")

    def do_eprt(self, argument: str) -> None:
        _, _, where, port, _ = argument.split("|")
        self.active = (where, int(port))
        self.say("200 ok")

    def do_retr(self, _) -> None:
        self.say("150 here it comes")
        try:
            if self.active:
                with self.namespace:
                    data = socket.create_connection(
                        self.active, 2, source_address=(self.control.getsockname()[0], 0))
            else:
                data, _ = self.listener.accept()
        except OSError as error:
            self.say(f"425 {error}")
            return
        with data:
            data.sendall(b"x" * 5000)
        self.say("226 done")

    def do_quit(self, _) -> None:
        self.say("221 bye")
