"""What every pretext promises: training, tasks and tools know no more of it than this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from torch import Generator, Tensor, nn

from seehear.encoders.speech import SpeechEncoder


class Pretext(nn.Module, ABC):
    """Something that is learned without labels.

    Attributes:
        name: of the pretext, the key of `PRETEXTS` and ``pretext`` in config.json.
        shown: numbers of `forward` beside the loss that metrics.csv keeps, such as ``matched``.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: name of the `seehear.corpus.views` that its batches show.
    """

    name: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ()
    config: dict[str, Any]
    view: str

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The model, with random weights, that a config.json describes.

        Raises:
            ModelError: an option that this version does not know.
        """

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's ``loss`` and what else there is to see.

        Args:
            batch: ``video`` uint8 (B, T, ...) as ``view`` shows it, ``audio`` float32 (B, 640 T).
            rng: where disturbances and candidates are drawn from; without one nothing is disturbed.
        """

    @property
    @abstractmethod
    def speech(self) -> SpeechEncoder:
        """The encoder of sound: what tasks read out and `seehear embed` writes."""
