"""A network with only the loopback interface, because some engines listen on all interfaces of the machine."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def isolate() -> None:
    """Moves this process into a network of its own.

    Users other than root need a user namespace for it, in which they keep their identity.

    # Raises
    OSError: the system does not allow it.
    """
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET if user == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "cannot create a network without other interfaces than loopback")
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as interfaces:
        fcntl.ioctl(interfaces, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
