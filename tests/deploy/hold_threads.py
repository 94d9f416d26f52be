"""Holds the threads of one name in a process of a container, as if they hung, while its other threads go on.

Usage: hold_threads.py LEADER PID NAME   LEADER: a process of the container; PID: as the container counts
It says how many it holds, and ends when they have ended.
"""
import ctypes
import os
import pathlib
import sys

leader, pid, name = sys.argv[1:]
SEIZE, INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000
ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def is_wanted(process):
    try:
        numbers = next(line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:")).split()
        return numbers[-1] == pid and os.readlink(process / "ns/pid") == os.readlink(f"/proc/{leader}/ns/pid")
    except (OSError, StopIteration):
        return False  # it has ended


process = next(one for one in pathlib.Path("/proc").glob("[0-9]*") if is_wanted(one))
held = [int(one.name) for one in (process / "task").iterdir() if (one / "comm").read_text().strip() == name]
for thread in held:
    for request in (SEIZE, INTERRUPT):
        if ptrace(request, thread, None, None) != 0:
            sys.exit(f"thread {thread}: {os.strerror(ctypes.get_errno())}")
    os.waitpid(thread, WALL)
print(f"holds {len(held)} threads", flush=True)
try:
    while True:  # a thread that ends stays until its tracer has heard of it
        os.waitpid(-1, WALL)
except ChildProcessError:
    pass
