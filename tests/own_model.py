"""A model as another package would declare it: it predicts from speech features how loud each frame is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentationOptions
from seehear.models.interface import PretextModel
from seehear.nn.speech import StridedOptions, StridedSpeech
from seehear.registry import register


@dataclass(frozen=True)
class LoudnessOptions:
    """Options of the model.

    Attributes:
        pretext: the model that these options belong to
        widths: channels and features of the encoder
        sounds: not used
    """

    pretext: Literal["loudness"] = "loudness"
    widths: tuple[int, int] = (4, 6)
    sounds: SoundAugmentationOptions = field(default_factory=SoundAugmentationOptions)


class LoudnessModel(PretextModel):
    """A strided encoder and a linear layer."""

    name = "loudness"
    Options = LoudnessOptions
    summary = "how loud each frame is"
    logged_metrics = ("level",)
    needs_pictures = False
    input_view = "mouth-luma"

    def __init__(self, options: LoudnessOptions | None = None) -> None:
        super().__init__()
        self.options = options or LoudnessOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(self.options)}
        self.encoder = StridedSpeech(StridedOptions(*self.options.widths))
        self.predict = nn.Linear(self.encoder.dim, 1)

    @property
    def speech(self) -> StridedSpeech:
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        features = self.encoder(batch["audio"].float())
        level = batch["audio"].float().unflatten(1, (features.shape[1], -1)).square().mean(2).sqrt()
        loss = (self.predict(features).squeeze(2).float() - level).abs().mean()
        return {"loss": loss, "level": torch.as_tensor(level.mean())}


register(LoudnessModel)
