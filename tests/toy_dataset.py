"""A data set of a plug-in, in a module that worker processes can import."""

from collections.abc import Sequence
from pathlib import Path

from seehear.data.datasets import Dataset, Source, find_by_name
from seehear.registry import register

EXAMPLE = "toy_ann_1"


def find_toy(sources: Sequence[Path], labels: Path | None = None) -> list[Source]:
    """Recordings named ``toy_SPEAKER_NUMBER``."""
    return find_by_name(sources, labels, _source, TOY.title, EXAMPLE)


def _source(path: Path, name: str) -> Source | None:
    parts = path.stem.split("_")
    return Source(path, name, {"speaker": parts[1]}) if parts[0] == "toy" and len(parts) == 3 else None


TOY = Dataset("toy", "Toy", find_toy, f"{EXAMPLE}.wav", ("speaker",), "sound", ask_at="https://example.org/toy")
register(TOY)
