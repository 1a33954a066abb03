"""Animate: a still face and the sound make the video; what it takes to draw the mouth is what was said, and how.

Shukla, Vougioukas, Ma, Petridis & Pantic 2020, arXiv 2001.04316; the audio tasks beside it: arXiv 2005.01400 (`odd`)
and 2007.04134 (`reconstruct`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from seehear.audio.augment import SoundAugment, SoundAugmentOptions
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders import shape
from seehear.encoders.speech_encoders import SpeechName, full_speech_options, make_speech_encoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.pretext.disturbances import with_disturbances
from seehear.pretext.drawing import Drawing, DrawingOptions, make_generator
from seehear.pretext.hearing import hear
from seehear.pretext.interface import Pretext
from seehear.pretext.odd import Odd
from seehear.pretext.reconstruct import Reconstruct

AudioTask = Literal["none", "odd", "reconstruct"]


@dataclass(frozen=True)
class AnimateOptions(DrawingOptions):
    """The animate pretext: its networks, what is drawn, and how its clips are disturbed.

    Attributes:
        pretext: whose options these are.
        encoder: of speech.
        sound: options of that encoder that differ from its defaults.
        alpha: share of the video's loss where there is an audio task, alpha L_video + (1 - alpha) L_audio: 0 hears
            only, 1 sees only. 2005.01400: 0.67. L_video is ``video_weight`` times the L1.
        audio_task: what the encoder learns beside from sound alone.
        sounds: disturbance of the sound.
    """

    pretext: Literal["animate"] = "animate"
    encoder: SpeechName = "small"
    sound: dict[str, Any] = field(default_factory=dict)
    alpha: float = 0.67
    audio_task: AudioTask = "none"
    sounds: SoundAugmentOptions = field(default_factory=SoundAugmentOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"model.alpha must be 0 to 1, not {self.alpha}")


class AnimateModel(Pretext):
    """An encoder of speech, and a generator that draws frames from what it heard and from a still.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: what it draws, of each clip.
    """

    name = "animate"
    Options = AnimateOptions
    shown = ("l1", "copied", "audio", "told")

    def __init__(self, options: AnimateOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or AnimateOptions()
        sound = full_speech_options(o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": "animate", "model": asdict(o) | {"sound": sound}}
        self.view = f"{o.region}-{o.size}" + ("" if o.colour else "-luma")
        self.encoder = make_speech_encoder(o.encoder, o.sound)
        self.generator = make_generator(o, self.encoder.dim)
        self.drawing = Drawing(o)
        self.task: Odd | Reconstruct | None = None
        if o.audio_task != "none":
            self.task = Odd(self.encoder.dim) if o.audio_task == "odd" else Reconstruct(self.encoder.dim)
            self.generator.requires_grad_(o.alpha > 0)  # what has no share of the loss does not learn
            self.task.requires_grad_(o.alpha < 1)
        self.sound_augment = SoundAugment(o.sounds)

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> AnimateOptions:
        """See `Pretext.options_from`."""
        options: AnimateOptions = shape(AnimateOptions, with_disturbances(given))
        return options

    @property
    def speech(self) -> StreamedSpeech:
        """The encoder of sound."""
        return self.encoder

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length, ``video`` as `view` has it and ``audio``.
            rng: where disturbances, stills, frames and noise are drawn from. Without one nothing is disturbed, the
                first frame is the still, and all frames are drawn.

        Returns:
            ``loss``; ``l1``, the mean difference of drawn and real pictures, in 0..1; ``copied``, that of the still and
            the same real pictures; ``audio``, the audio task's loss, and ``told``, its accuracy, where it has one.
            Without ``rng`` also ``drawn`` and ``real``, the pictures themselves, (B, T, 3 or 1, size, size) in 0..1.
        """
        o, video, audio = self.options, batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        with torch.autocast(video.device.type, enabled=False):
            heard = self.sound_augment.waves(audio, rng) if rng else audio
        found: dict[str, Tensor] = {}
        if self.task is None:
            features = self.hear(heard, rng)
        else:
            features, found["audio"], told = self.task(lambda x: self.hear(x, rng), heard, audio, rng)
            found |= told
        if self.task is None or o.alpha > 0 or rng is None:
            drawn = self.drawing(self.generator, video, features, rng)
            found = drawn | found
        if self.task is None:
            loss = found["video"]
        elif o.alpha > 0:
            loss = o.alpha * found["video"] + (1 - o.alpha) * found["audio"]
        else:
            loss = found["audio"]
        kept = self.shown if rng else (*self.shown, "drawn", "real")
        return {"loss": loss} | {name: value.detach() for name, value in found.items() if name in kept}

    def hear(self, audio: Tensor, rng: Generator | None = None) -> Tensor:
        """The encoder's last layer, (B, 640 T) -> (B, T, dim), its spectrum disturbed if there is a generator."""
        return hear(self.encoder, audio, self.sound_augment, rng)[self.encoder.last]

    @torch.inference_mode()
    def animate(self, still: Tensor, audio: Tensor, piece: int = 100) -> Iterator[Tensor]:
        """Pictures for a recording of any length, in memory that does not grow with it.

        Args:
            still: (planes, size, size) in 0..1, as `view` shows a clip.
            audio: (640 T,), in [-1, 1].
            piece: pictures that are drawn at a time.

        Yields:
            (t, planes, size, size) in 0..1, T pictures in all: what a single pass would give.
        """
        looked = self.generator.look(still.unsqueeze(0))
        noise = self.generator.noise(1, len(audio) // SAMPLES_PER_FRAME)
        done = 0
        for features in self.encoder.stream(audio.unsqueeze(0), self.encoder.last, piece):
            for part in torch.split(features, piece, dim=1):  # an encoder that hears all at once gives all at once
                moving = torch.cat([part, noise[:, done : done + part.shape[1]].to(part)], dim=-1)
                done += part.shape[1]
                yield self.generator.draw(looked, moving)[0]


def planes(video: Tensor) -> Tensor:
    """Pictures as networks take them: uint8 (B, T, S, S, 3) or (B, T, S, S) -> float (B, T, 3 or 1, S, S) in 0..1."""
    ordered = video.permute(0, 1, 4, 2, 3) if video.ndim == 5 else video.unsqueeze(2)
    return ordered.float() / 255
