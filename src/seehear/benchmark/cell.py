"""The pieces of work of a benchmark: data to be made, a pretext to be trained, an encoder to be measured.

A cell is known by a key that is computed from everything that decides its result, so a cell that was done for one
table, one plan or one sweep is never done again for another in the same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Kind = Literal["corpus", "pretrain", "measure"]

KEY_LENGTH = 12  # hexadecimal digits: enough for millions of cells in a folder


@dataclass(frozen=True)
class Cell:
    """A piece of work.

    Attributes:
        kind: corpus, pretrain or measure.
        name: for people and for the names of folders: ``animate``, ``people``, ``emotion/animate``; no seed in it.
        seed: of what chance decides; None where it decides nothing.
        spec: everything else that decides the result, as plain JSON values. Of other cells: their keys.
            corpus: the fields of `CorpusSpec` but for wants and checksum; ``path`` (absolute) where it was given.
            pretrain: ``preset``, ``settings`` (whole sections model, data, optim, engine, as `Settings.to_dict`),
            ``corpora`` (keys), ``init`` (name of a model, key of a cell, or None), ``untrained``.
            measure: ``task``, ``of`` (key of a pretrain cell, or an encoder from elsewhere), ``mode``, ``layer``,
            ``data`` (key of a corpus), ``options``, ``labels``, ``noise``, ``snr_db``.
        needs: keys of the cells whose results it uses.
    """

    kind: Kind
    name: str
    seed: int | None
    spec: Mapping[str, Any]
    needs: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """What it is known by: the same for the same work, whatever it is called."""
        told = json.dumps([self.kind, self.seed, self.spec], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:KEY_LENGTH]

    @property
    def called(self) -> str:
        """For people: name and seed."""
        return self.name if self.seed is None else f"{self.name}, seed {self.seed}"
