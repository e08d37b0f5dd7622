"""Runs a piece of work in a forked process that is stopped before every call that changes a disk.

The kernel stops it (ptrace, with a seccomp filter so that nothing else costs time): every write is seen, also SQLite's
and the C library's, and the program under test knows nothing of it. Linux on x86-64 only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from tests.core.faults.syscalls import GROWING, MAKES, OPENING, SIZED, WRITING, Call, describe

How = Literal["before", "half", "after", "error", "full"]
# linux/ptrace.h, linux/seccomp.h, linux/filter.h
TRACEME, CONT, GETREGS, SETREGS, SYSCALL, SETOPTIONS = 0, 7, 12, 13, 24, 0x4200
OPTIONS = (
    0x01 | 0x02 | 0x04 | 0x08 | 0x80 | 0x100000
)  # good syscall stops, follow forks and threads, seccomp, exit kill
SECCOMP_STOP = signal.SIGTRAP | 7 << 8
SYSCALL_STOP = signal.SIGTRAP | 0x80
WALL = 0x40000000
PR_NO_NEW_PRIVS, PR_SECCOMP = 38, 22
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
TRACE, ALLOW = 0x7FF00000, 0x7FFF0000
# Places of the registers in user_regs_struct
R10, R9, R8, RAX, RDX, RSI, RDI, ORIG_RAX = 7, 8, 9, 10, 12, 13, 14, 15


class Registers(ctypes.Structure):
    _fields_ = [("all", ctypes.c_ulonglong * 27)]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a write point.

    Attributes:
        at: the point's number, from 1; 0 for none.
        how: killed before the call, with half of its bytes written, after it; or the call fails with `code`: this one
            ("error"), or, after half of this one's bytes, all that need room from there on ("full").
    """

    at: int = 0
    how: How = "before"
    code: int = errno.ENOSPC


@dataclass(slots=True)
class Run:
    """How the work went: its write points in their order, its exit (negative: the signal), what it sent."""

    calls: list[Call] = field(default_factory=list[Call])
    exit: int = 0
    sent: bytes = b""


BEGIN = "/write points count from here on"


def begin() -> None:
    """Said by the work: count write points from here on."""
    with suppress(OSError):
        os.rmdir(BEGIN)


def works() -> bool:
    """Whether processes may be traced here."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    try:
        return run(lambda _send: None, [Path("/nowhere")]).exit == 0
    except OSError:
        return False


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return libc


def _ptrace(request: int, pid: int, data: object = None) -> None:
    if _libc().ptrace(request, pid, None, data) < 0:
        code = ctypes.get_errno()
        if code != errno.ESRCH:  # it was killed meanwhile; the next wait says so
            raise OSError(code, os.strerror(code))


def _filter() -> bytes:
    """Stop at the calls of `WRITING`, at opening only where a file is made or emptied; everything else runs on."""
    plain = [number for number in WRITING if number not in OPENING]
    code: list[tuple[int, int, int, int]] = [(LOAD, 0, 0, 0)]
    body: list[tuple[int, int, int, int]] = []
    for number, place in OPENING.items():
        # not this number: skip four; load the flags; none of them: skip one; trace; allow
        body += [(EQUAL, 0, 4, number), (LOAD, 0, 0, 16 + 8 * place), (ANY_BIT, 0, 1, MAKES), (RETURN, 0, 0, TRACE),
                 (RETURN, 0, 0, ALLOW)]  # fmt: skip
    code += body
    for number in plain:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, TRACE)]
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *one) for one in code)


def _child(work: Callable[[Callable[[bytes], None]], None], pipe: int) -> None:
    def send(data: bytes) -> None:
        os.write(pipe, data + b"\n")

    code = 1
    try:
        instructions = _filter()
        program = Program(len(instructions) // 8, instructions)
        _ptrace(TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        _libc().prctl(PR_NO_NEW_PRIVS, 1, 0, 0, 0)
        if _libc().prctl(PR_SECCOMP, 2, ctypes.addressof(program), 0, 0):
            raise OSError(ctypes.get_errno(), "no seccomp filter")
        work(send)
        code = 0
    except Exception:  # whatever it is, the parent shows it; a forked process must never return
        traceback.print_exc()
    finally:
        os._exit(code)


def run(work: Callable[[Callable[[bytes], None]], None], watched: Sequence[Path], fault: Fault | None = None) -> Run:
    """Fork, do the work, let the fault happen at the write point of that number of files whose path
    begins like one of `watched`, counted from where the work calls `begin`.

    Args:
        work: gets a function that sends a line to us; what was sent counts as said to the user.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, writer)
    os.close(writer)
    found = Run()
    try:
        os.waitpid(pid, WALL)
        _ptrace(SETOPTIONS, pid, OPTIONS)
        _ptrace(CONT, pid)
        _Tracer(pid, tuple(map(str, watched)), fault or Fault(), found).follow()
        with open(reader, "rb", closefd=False) as file:
            found.sent = file.read()
    finally:
        os.close(reader)
    return found


class _Tracer:
    def __init__(self, pid: int, watched: tuple[str, ...], fault: Fault, found: Run) -> None:
        self.pid, self.watched, self.fault, self.found = pid, watched, fault, found
        self.dying: set[int] = set()  # threads that are killed when their call has ended
        self.registers = Registers()
        self.counting = False

    def follow(self) -> None:
        while True:
            try:
                thread, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self.pid:
                    self.found.exit = os.waitstatus_to_exitcode(status)
                continue
            self._stopped(thread, status >> 8)

    def _stopped(self, thread: int, stop: int) -> None:
        signal_to_pass = 0
        if stop == SECCOMP_STOP:
            if self._at_call(thread):
                return
        elif stop == SYSCALL_STOP:
            if thread in self.dying:
                os.kill(self.pid, signal.SIGKILL)
                return
        elif stop & 0xFF not in (signal.SIGTRAP, signal.SIGSTOP):
            signal_to_pass = stop & 0xFF
        _ptrace(CONT, thread, signal_to_pass)

    def _at_call(self, thread: int) -> bool:
        """Whether the thread goes on otherwise than just so."""
        regs = self.registers.all
        _ptrace(GETREGS, thread, ctypes.byref(self.registers))
        arguments = tuple(regs[place] for place in (RDI, RSI, RDX, R10, R8, R9))
        call = describe(thread, regs[ORIG_RAX], arguments)
        if call and call.paths == (BEGIN,):
            self.counting = True
        if call is None or not self.counting or not any(path.startswith(self.watched) for path in call.paths):
            return False
        self.found.calls.append(call)
        number, fault = len(self.found.calls), self.fault
        if fault.how == "full" and 0 < fault.at <= number and call.name in GROWING:
            if number == fault.at and call.size > 1:
                self._shorten(thread, call)
            else:
                self._fail(thread, fault.code)
        if number != fault.at:
            return False
        if fault.how == "before":
            os.kill(self.pid, signal.SIGKILL)
            return True
        if fault.how in ("half", "after"):
            if fault.how == "half" and call.name in SIZED:
                self._shorten(thread, call)
            self.dying.add(thread)
            _ptrace(SYSCALL, thread)
            return True
        if fault.how == "error":
            self._fail(thread, fault.code)
        return False

    def _shorten(self, thread: int, call: Call) -> None:
        self.registers.all[RDX] = call.size // 2
        _ptrace(SETREGS, thread, ctypes.byref(self.registers))

    def _fail(self, thread: int, code: int) -> None:
        self.registers.all[ORIG_RAX] = (1 << 64) - 1  # no such call: the kernel leaves it out
        self.registers.all[RAX] = (1 << 64) - code
        _ptrace(SETREGS, thread, ctypes.byref(self.registers))
