"""Report speeds with the kind of CPU and the arithmetic."""

from seehear.machine import available_cores, cpu_kind

MARK = "figure | "


def machine() -> str:
    """Describe this machine."""
    return f"{available_cores()} cores, {cpu_kind()}"


def figure(what: str, value: str, arithmetic: str = "float32") -> None:
    """Print a result in the form that `run_all.py` collects for its table.

    Args:
        what: what was measured
        value: the result with its unit
        arithmetic: arithmetic of the networks: float32 or bf16; none without networks, or with the face detector only
    """
    print(f"{MARK}{what} | {value} | {machine()} | {arithmetic}", flush=True)
