"""What every speed is told with: the kind of CPU that it was measured on, and the arithmetic."""

from seehear.machine import available_cores, cpu_kind

MARK = "figure | "


def machine() -> str:
    """In words."""
    return f"{available_cores()} cores, {cpu_kind()}"


def figure(what: str, value: str, arithmetic: str = "float32") -> None:
    """Print a figure as `run_all.py` collects it for its table.

    Args:
        what: was measured.
        value: with its unit.
        arithmetic: of the networks: float32 or bf16; none where none is at work, or only the detector of faces.
    """
    print(f"{MARK}{what} | {value} | {machine()} | {arithmetic}", flush=True)
