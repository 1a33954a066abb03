"""Autoregressive predictive coding: hear on, and say what the spectrum will be in a few hundredths of a second.

Chung, Hsu, Tang & Glass 2019, arXiv 1904.03240: an audio-only baseline of Shukla et al. 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.bounds import require_at_least
from seehear.encoders.logmel_gru import LogMelGRU
from seehear.encoders.speech_encoders import SpeechName, full_speech_options, make_speech_encoder
from seehear.errors import ModelError
from seehear.pretext.interface import Pretext


@dataclass(frozen=True)
class APCOptions:
    """The apc pretext: who predicts, and how far ahead.

    Attributes:
        pretext: whose options these are.
        encoder: of speech; one whose features at 100 a second know of nothing later: logmel-gru.
        sound: options of that encoder that differ from its defaults.
        ahead: frames of 10 ms from what is heard to what is predicted. The windows of frames less than 3 apart share
            samples, so that less is copying.
    """

    pretext: Literal["apc"] = "apc"
    encoder: SpeechName = "logmel-gru"
    sound: dict[str, Any] = field(default_factory=dict)
    ahead: int = 3

    def __post_init__(self) -> None:
        require_at_least("model", self, ahead=1)


class APCModel(Pretext):
    """A recurrent encoder over a log-mel, and a linear layer that predicts the log-mel from its last layer.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
    """

    name = "apc"
    Options = APCOptions
    shown = ("copied",)
    needs_pictures = False
    view = "mouth-luma"  # which is not looked at, and which sync keeps too

    def __init__(self, options: APCOptions | None = None) -> None:
        """Builds the layers.

        Raises:
            ModelError: an encoder that hears what is to be predicted.
        """
        super().__init__()
        self.options = o = options or APCOptions()
        sound = full_speech_options(o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | {"sound": sound}}
        encoder = make_speech_encoder(o.encoder, o.sound)
        if not isinstance(encoder, LogMelGRU) or encoder.reach is None:
            normalised = " whose sound.normalise is fixed" if isinstance(encoder, LogMelGRU) else ""
            raise ModelError(
                f"apc needs an encoder that does not hear the future: model.encoder logmel-gru{normalised}"
            )
        self.encoder = encoder
        self.predict = nn.Linear(encoder.dim, encoder.bands)

    @property
    def speech(self) -> LogMelGRU:
        """The encoder of sound."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length; only ``audio`` is heard.
            rng: unused; nothing is drawn.

        Returns:
            ``loss``, the mean absolute difference of predicted and real normalised log-mel (section 2.1, equation 2);
            and ``copied``, that of the last frame heard and the one to be predicted.

        Raises:
            ModelError: the clips are not longer than what is predicted ahead.
        """
        ahead = self.options.ahead
        with torch.autocast(batch["audio"].device.type, enabled=False):
            mel = self.encoder.logmel(batch["audio"].float())
            target = self.encoder.normalise(mel)
        if mel.shape[1] <= ahead:
            raise ModelError(
                f"windows of {10 * mel.shape[1]} ms are too short to predict {10 * ahead} ms ahead; "
                "raise data.min_frames and data.frames, or lower model.ahead"
            )
        heard = self.encoder.frames100(mel[:, :-ahead])
        loss = (self.predict(heard).float() - target[:, ahead:]).abs().mean()
        return {"loss": loss, "copied": (target[:, :-ahead] - target[:, ahead:]).abs().mean()}
