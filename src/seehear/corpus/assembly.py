"""Parts to shards: the clips of all sources, in order, packed so that the bytes depend on nothing but the sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from seehear.beside import written_beside
from seehear.corpus.manifest import Row, shard_name
from seehear.corpus.outcome import Outcome, PackedRow
from seehear.corpus.shards import END_OF_TAR, MEMBERS
from seehear.corpus.staging import Staging
from seehear.errors import CorpusError

SHARD_BYTES = 1 << 30  # a shard ends with the clip that brings it here, if it is not full before


@dataclass
class _Shard:
    """A shard that is being filled: which bytes of which parts, and the manifest rows so far."""

    number: int
    pieces: list[tuple[int, int, int]] = field(default_factory=list)  # source, offset in its part, bytes
    rows: list[Row] = field(default_factory=list)
    size: int = 0


class Assembler:
    """Takes what became of each source, in order, and writes a shard whenever one is full.

    Where the clips go is computed from the beginning each time, so a run that goes on after a kill finds the shards
    that are there already to be just those that it would write, and only reads on.
    """

    def __init__(self, out: Path, staging: Staging[Outcome], shard_clips: int) -> None:
        """Writes shards of ``shard_clips`` clips into ``out``."""
        self.out = out
        self.staging = staging
        self.shard_clips = shard_clips
        self.rows: list[Row] = []
        self.next_source = 0
        self._shard = _Shard(0)
        self._spent: list[int] = []  # sources all of whose clips are packed, perhaps into the shard at hand

    @property
    def shards(self) -> int:
        """Shards written so far."""
        return self._shard.number

    def take_all(self, outcomes: dict[int, Outcome]) -> None:
        """Packs the clips of all sources whose turn has come, and drops what is known of them from memory."""
        while (outcome := outcomes.get(self.next_source)) is not None:
            outcomes[self.next_source] = outcome.without_clips()
            self.take(outcome)

    def take(self, outcome: Outcome) -> None:
        """Packs the clips of the next source."""
        part_offset = 0
        for clip in outcome.clips:
            self._pack(clip, part_offset)
            part_offset += clip.size
            if len(self._shard.rows) == self.shard_clips or self._shard.size >= SHARD_BYTES:
                self._write()
        self._spent.append(self.next_source)
        self.next_source += 1

    def finish(self) -> None:
        """Writes what is left into the last shard."""
        if self._shard.rows:
            self._write()

    def _pack(self, clip: PackedRow, part_offset: int) -> None:
        shard = self._shard
        places: Row = {}
        for member in MEMBERS:
            offset, size = clip.spans[member]
            places |= {f"{member}_offset": shard.size + offset, f"{member}_size": size}
        shard.rows.append({**clip.row, "shard": shard.number, **places})
        shard.pieces.append((self.next_source, part_offset, clip.size))
        shard.size += clip.size

    def _write(self) -> None:
        shard = self._shard
        path = self.out / shard_name(shard.number)
        if not path.exists():
            with written_beside(path) as temporary, temporary.open("wb") as file:
                for source, offset, size in shard.pieces:
                    file.write(self._read(source, offset, size))
                file.write(END_OF_TAR)
        self.rows += shard.rows
        self._shard = _Shard(shard.number + 1)
        for source in self._spent:
            self.staging.part(source).unlink(missing_ok=True)
        self._spent.clear()

    def _read(self, source: int, offset: int, size: int) -> bytes:
        try:
            with self.staging.part(source).open("rb") as file:
                file.seek(offset)
                data = file.read(size)
        except FileNotFoundError:
            data = b""
        if len(data) != size:
            raise CorpusError(f"{self.staging.part(source)} is damaged or gone; remove {self.out} and prepare again")
        return data
