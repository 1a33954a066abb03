"""What workers do to files in tests: a module of its own, for their processes to import."""

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
