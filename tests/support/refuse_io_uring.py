"""Runs a program where io_uring is refused, as in many containers: io_uring_setup fails with EPERM.

Usage: refuse_io_uring.py PROGRAM [ARGUMENT...]
Exit status 77 (meson: skipped) where the filter cannot be had.
"""
import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
IO_URING_SETUP = 425  # on every architecture
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000

# Each a code, two jumps, a number; the word at 0 is the number of the system call.
PROGRAM = b"".join(struct.pack("HBBI", *step) for step in (
    (LOAD, 0, 0, 0), (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP), (RETURN, 0, 0, FAIL | errno.EPERM),
    (RETURN, 0, 0, ALLOW)))


def refuse():
    program = ctypes.create_string_buffer(PROGRAM, len(PROGRAM))
    filter_ = struct.pack("HP", len(PROGRAM) // 8, ctypes.addressof(program))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_) == 0)


if __name__ == "__main__":
    if not refuse():
        print("seccomp filters cannot be had here", file=sys.stderr)
        sys.exit(77)
    os.execvp(sys.argv[1], sys.argv[1:])
