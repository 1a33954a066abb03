"""What every pretext promises: training, tasks and tools know no more of it than this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from seehear.encoders.embed import embed_audio
from seehear.encoders.speech import SpeechEncoder
from seehear.errors import ModelError


class Pretext(nn.Module, ABC):
    """Something that is learned without labels; made from an instance of its `Options`.

    Attributes:
        name: of the pretext, the key of `PRETEXTS` and ``pretext`` in config.json.
        Options: dataclass of all that a preset's section ``model`` may say. It has a field
            ``pretext: Literal[name] = name``, by which a preset says whose options they are.
        shown: numbers of `forward` beside the loss that metrics.csv keeps, such as ``matched``.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: name of the `seehear.corpus.views` that its batches show.
        stills: pictures of each window that a batch shows, drawn at random; None shows them all.
        apart: windows of one source are kept out of each other's batches, where they would be false negatives.
        needs_pictures: clips of sound alone teach it nothing, and are left out.
        by_sight: modules that learn from pictures alone, where clips of sound alone are allowed.
    """

    name: ClassVar[str]
    Options: ClassVar[type]
    shown: ClassVar[tuple[str, ...]] = ()
    stills: ClassVar[int | None] = None
    apart: ClassVar[bool] = False
    needs_pictures: ClassVar[bool] = True
    by_sight: ClassVar[tuple[str, ...]] = ()
    config: dict[str, Any]
    view: str

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The model, with random weights, that a config.json describes.

        Raises:
            ModelError: an option that this version does not know.
        """
        try:
            model = cls(cls.options_from(config["model"]))
        except (KeyError, TypeError, ValueError) as error:
            kind = f"an {cls.name}" if cls.name[0] in "aeiou" else f"a {cls.name}"
            raise ModelError(f"config.json does not describe {kind} model of this version ({error})") from None
        model.config = dict(config)
        return model

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> Any:
        """The `Options` that the key ``model`` of a config.json stands for."""
        return cls.Options(**given)

    @abstractmethod
    def __init__(self, options: Any = None) -> None:
        """Builds the networks that its `Options` describe; by default the usual ones."""
        super().__init__()

    @abstractmethod
    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's ``loss`` and what else there is to see.

        Args:
            batch: ``video`` uint8 (B, T, ...) as ``view`` shows it, or (B, stills, ...); ``audio`` float32 (B, 640 T);
                ``seen`` bool (B,), False where there is sound only and ``video`` is black.
            rng: where disturbances and candidates are drawn from; without one nothing is disturbed.
        """

    @property
    @abstractmethod
    def speech(self) -> SpeechEncoder:
        """The encoder of sound: what tasks read out and `seehear embed` writes."""

    def embed_audio(
        self, wave: NDArray[Any] | Tensor, sample_rate: int, layer: str | None = None
    ) -> NDArray[np.float32]:
        """Features of one recording of any length.

        Args:
            wave: one channel of sound, (N,): floats in [-1, 1], or whole numbers as files have them (int16, int32).
            sample_rate: of the wave, in Hz.
            layer: a name of ``speech.layers``; by default `SpeechEncoder.read`.

        Returns:
            float32 (ceil(seconds * 25) * rate / 25, width), where rate is that of `speech`, mostly 25 a second.

        Raises:
            SeehearError: no sound, several channels, samples that are no numbers, a strange rate, or no such layer.
        """
        return embed_audio(self.speech, wave, sample_rate, layer)
