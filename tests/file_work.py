"""What workers do to files in tests: a module of its own, for their processes to import."""

import os
import signal
import time

from seehear.errors import MediaError


def work(path):
    """Slow, bad, odd, gone or good, as the file is called."""
    if path.name == "slow":
        time.sleep(0.3)
    if path.name == "bad":
        raise MediaError("bad is no film")
    if path.name == "odd":
        raise ValueError("odd\nsize")
    if path.name == "gone":
        raise FileNotFoundError(2, "No such file", "gone")
    return path.name.upper()


def work_in_halves(path, report):
    """As `work`, and says when half of it is done."""
    report(0.5)
    return work(path)


def work_of_a_stranger(path, report):
    """Takes all memory, all time, or the process down, as the file is called."""
    if path.name.startswith("greedy"):
        taken = []
        while True:
            taken.append(bytearray(b"x" * (16 << 20)))
            time.sleep(0.02)
    if path.name.startswith("endless"):
        while True:
            pass
    if path.name.startswith("broken"):
        os.kill(os.getpid(), signal.SIGSEGV)
    return path.name.upper()


def one_gigantic_allocation(path, report):
    """What a header may ask for."""
    return len(bytearray(1 << 40)) if path.name == "gigantic" else path.name
