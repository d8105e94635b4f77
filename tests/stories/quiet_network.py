"""Run a command in a network of its own and print, as JSON, every address it tried to reach.

    unshare --user --map-root-user --net python quiet_network.py OUTPUT COMMAND…

In this network every address on earth leads to the loopback device, where a raw socket writes down
each TCP connection attempt and each datagram: nothing gets out, and nothing stays unseen, native
code and name look-ups included.
"""

import ctypes
import fcntl
import json
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress

SIOCSIFFLAGS, SIOCSIFADDR, SIOCADDRT, IFF_UP, RTF_UP, ETH_P_ALL, SIOCGIFINDEX = (
    0x8914,
    0x8916,
    0x890B,
    1,
    1,
    3,
    0x8933,
)


def loopback_is_the_world() -> None:
    """Bring ``lo`` up and make it the default route of IPv4 and IPv6."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        anywhere = struct.pack("=HH4s8x", socket.AF_INET, 0, b"\0" * 4)
        device = ctypes.create_string_buffer(b"lo")
        route = struct.pack("@L16s16s16sHhLPhPLLH", 0, anywhere, anywhere, anywhere, RTF_UP, 0, 0, 0, 0,
                            ctypes.addressof(device), 0, 0, 0)  # fmt: skip
        fcntl.ioctl(control, SIOCADDRT, route)
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        index = struct.unpack("16si", fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16si", b"lo", 0)))[1]
        own = socket.inet_pton(socket.AF_INET6, "2001:db8::2")  # without one, no packet would be made at all
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("=16sIi", own, 64, index))
        fcntl.ioctl(
            control, SIOCADDRT, struct.pack("@16s16s16sIHHILIi", b"", b"", b"", 0, 0, 0, 1, 0, RTF_UP, index)
        )


def watch(seen: set[tuple[str, str, int]], stop: threading.Event) -> threading.Thread:
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    raw.bind(("lo", 0))
    raw.settimeout(0.2)

    def listen() -> None:
        while not stop.is_set():
            try:
                note(raw.recv(200), seen)
            except TimeoutError:
                continue

    thread = threading.Thread(target=listen)
    thread.start()
    return thread


def note(packet: bytes, seen: set[tuple[str, str, int]]) -> None:
    """A SYN without ACK, or a datagram: protocol, destination, port."""
    if packet[0] >> 4 == 4:
        protocol, start, target = (
            packet[9],
            (packet[0] & 15) * 4,
            socket.inet_ntop(socket.AF_INET, packet[16:20]),
        )
    elif packet[0] >> 4 == 6 and packet[6] == socket.IPPROTO_ICMPV6 and packet[40] == 1:
        return note(packet[48:], seen)  # "unreachable" quotes the attempt it answers
    elif packet[0] >> 4 == 6:
        protocol, start, target = packet[6], 40, socket.inet_ntop(socket.AF_INET6, packet[24:40])
    else:
        return
    port = int.from_bytes(packet[start + 2 : start + 4], "big")
    if protocol == socket.IPPROTO_UDP or (
        protocol == socket.IPPROTO_TCP and packet[start + 13] & 0x12 == 0x02
    ):
        seen.add(("udp" if protocol == socket.IPPROTO_UDP else "tcp", target, port))


def knock_elsewhere() -> None:
    """Prove that the watch sees: one connection and one datagram to documentation addresses."""
    for kind, address in ((socket.SOCK_STREAM, "203.0.113.1"), (socket.SOCK_DGRAM, "203.0.113.2")):
        with socket.socket(socket.AF_INET, kind) as knock:
            knock.setblocking(False)
            with suppress(OSError):
                knock.connect((address, 53))
            with suppress(OSError):
                knock.send(b"x")
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as knock:
        knock.setblocking(False)
        with suppress(OSError):
            knock.connect(("2001:db8:1::1", 53))


def main() -> int:
    output, *command = sys.argv[1:]
    loopback_is_the_world()
    seen: set[tuple[str, str, int]] = set()
    stop = threading.Event()
    thread = watch(seen, stop)
    knock_elsewhere()
    status = subprocess.run(command).returncode
    stop.wait(0.5)
    stop.set()
    thread.join()
    with open(output, "w") as file:
        json.dump(sorted(seen), file)
    return status


if __name__ == "__main__":
    sys.exit(main())
