"""Runs a command on this machine as if its processor had no AMX: python3 without-amx.py COMMAND ARGUMENT...

Linux gives a process AMX's tiles only when it asks (arch_prctl, ARCH_REQ_XCOMP_PERM). A seccomp filter refuses that one
request, so onnxruntime takes the kernels that it has for AVX-512 VNNI. Nothing else of the command changes.
"""

import ctypes
import errno
import os
import struct
import sys

ARCH_PRCTL = 158  # x86-64
ARCH_REQ_XCOMP_PERM = 0x1023
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EOPNOTSUPP
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data

FILTER = [
    (LOAD, 0, 0, NUMBER),
    (EQUAL, 0, 3, ARCH_PRCTL),
    (LOAD, 0, 0, FIRST_ARGUMENT),
    (EQUAL, 0, 1, ARCH_REQ_XCOMP_PERM),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse_tiles():
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in FILTER)
    program = Program(len(FILTER), code)
    arguments = [ctypes.c_ulong(n) for n in (1, 0, 0, 0)]
    if libc.prctl(PR_SET_NO_NEW_PRIVS, *arguments) != 0:
        sys.exit(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    if libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program)) != 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")


refuse_tiles()
os.execvp(sys.argv[1], sys.argv[1:])
