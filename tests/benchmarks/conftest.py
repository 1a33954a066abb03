"""The scripts in benchmarks/ are imported as they import each other: from their folder."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))


@pytest.fixture
def write_wave():
    """A function that writes a second of a harmonic tone."""

    def write(path: Path, pitch: float) -> None:
        times = np.arange(16_000) / 16_000
        tone = sum(np.sin(2 * np.pi * pitch * harmonic * times) / harmonic for harmonic in range(1, 6))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes((6_000 * np.asarray(tone)).astype(np.int16).tobytes())

    return write
