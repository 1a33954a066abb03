"""What is drawn independently: people, or the source files where nobody says who the people are.

Clips of one person, and pieces of one film, are alike: an interval over them tells of that person or film, and is far
too narrow for others. So everything that a task counts is added up by unit before anything is said of how sure it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.corpus.manifest import LABEL_PREFIX

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["speakers", "sources", "clips"]

SPEAKER = "speaker"
"""The label that names the person."""

FEWEST_SPEAKERS = 2
"""Of the test part, for speakers to be the units: one person has no spread, and the sources are all there is."""

SINGULAR: dict[str, str] = {"speakers": "speaker", "sources": "source file", "clips": "clip", "people": "person"}
PLURAL: dict[str, str] = {"sources": "source files"}


@dataclass(frozen=True)
class Units:
    """Which entry belongs to which unit.

    Attributes:
        kind: what a unit is.
        names: of the units, sorted.
        of: number of the unit of each entry, (entries,).
    """

    kind: Kind
    names: tuple[str, ...]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return counted(len(self), self.kind)

    def at(self, entries: Sequence[int]) -> Units:
        """Of some of the entries alone."""
        return Units(self.kind, self.names, self.of[np.asarray(entries, dtype=np.int64)])


def units_of(speakers: Sequence[str | None], sources: Sequence[str]) -> Units:
    """The speakers, if all entries have one and there are two or more; else the sources.

    Args:
        speakers: of each entry; None (or nothing) where that is not known.
        sources: the file that each entry is a piece of.
    """
    known = [str(speaker) for speaker in speakers if speaker]
    if len(known) == len(sources) and len(set(known)) >= FEWEST_SPEAKERS:
        return _numbered("speakers", known)
    return _numbered("sources", [str(source) for source in sources])


def units_of_metas(metas: Sequence[Mapping[str, Any]]) -> Units:
    """Of clips, by what each knows of itself (`Clip.meta`)."""
    labels = [meta.get("labels") or {} for meta in metas]
    return units_of([of_clip.get(SPEAKER) for of_clip in labels], [str(meta["source"]) for meta in metas])


def units_of_manifest(manifest: pa.Table) -> Units:
    """Of the clips of a corpus, without reading them."""
    column, sources = LABEL_PREFIX + SPEAKER, manifest["source"].to_pylist()
    speakers = manifest[column].to_pylist() if column in manifest.column_names else [None] * len(sources)
    return units_of(speakers, sources)


def each_alone(entries: int) -> Units:
    """Every entry is a unit: for entries of which nothing is known."""
    return Units("clips", tuple(str(entry) for entry in range(entries)), np.arange(entries))


def counted(count: int, kind: str) -> str:
    """``6 speakers``, ``1 source file``."""
    return f"{count} {SINGULAR.get(kind, kind) if count == 1 else PLURAL.get(kind, kind)}"


def _numbered(kind: Kind, groups: Sequence[str]) -> Units:
    names, of = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
    return Units(kind, tuple(names.tolist()), of.astype(np.int64))
