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
from seehear.audio.equaliser import equalise
from seehear.bounds import require_at_least
from seehear.clip import SAMPLES_PER_FRAME, mouth_in
from seehear.encoders import Region, shape
from seehear.encoders.generator import Generator as FrameGenerator
from seehear.encoders.mel_speech import MelSpeech
from seehear.encoders.norms import NormName
from seehear.encoders.speech_encoders import SpeechName, full_speech_options, make_speech_encoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.pretext.augment import PictureAugment, PictureAugmentOptions
from seehear.pretext.disturbances import with_disturbances
from seehear.pretext.interface import Pretext
from seehear.pretext.odd import Odd
from seehear.pretext.reconstruct import Reconstruct

AudioTask = Literal["none", "odd", "reconstruct"]


def gentle() -> PictureAugmentOptions:
    """What still and frames are disturbed by together: who it is, where and in what light, but nothing that moves."""
    return PictureAugmentOptions(
        scale=0.08,
        rotation_deg=5.0,
        shift=0.04,
        shear=0.05,
        warp=0.03,
        jitter=0.0,
        held=0.0,
        light=0.5,
        blur=0.0,
        compression=0.0,
        noise=0.0,
        occlusion=0.0,
    )


@dataclass(frozen=True)
class AnimateOptions:
    """The animate pretext: its networks, what is drawn, and how its clips are disturbed.

    Attributes:
        pretext: whose options these are.
        encoder: of speech.
        sound: options of that encoder that differ from its defaults.
        region: what is drawn: the whole face crop, or the mouth's part of it.
        size: side of the pictures in pixels.
        colour: RGB, or luma only.
        widths: channels of the maps of still and frame, from the finest (half of the size) to the coarsest.
        skips: levels at which the still's maps join in, from the coarsest; by default all.
        identity: numbers that say who it is.
        noise: numbers a frame that say what is not heard.
        norm: what keeps the maps in range: each picture by itself, eight channels (``group``) or all of
            them (``layer``) together; or the batch (``batch``, the papers).
        residual: the difference from the still is drawn, not the picture itself.
        still: which frame of a clip is the still.
        averaged: share of the clips whose still is the mean of all their frames instead. How the mouth stood at one
            moment is then no part of what is to be guessed: half as many steps teach the encoder as much.
        frames: frames of each clip that are drawn and compared, at random; 0 draws all. The papers: 1.
        mouth_weight: what a difference in the mouth's square costs, against 1 elsewhere, where faces are drawn.
        video_weight: factor on the L1, which is some .03 where `odd` begins at .56.
        alpha: share of the video's loss where there is an audio task: 0 hears only, 1 sees only. 2005.01400: 0.67.
        audio_task: what the encoder learns beside from sound alone.
        pictures: disturbance of the pictures; still and frames get the same.
        sounds: disturbance of the sound.
    """

    pretext: Literal["animate"] = "animate"
    encoder: SpeechName = "small"
    sound: dict[str, Any] = field(default_factory=dict)
    region: Region = "face"
    size: int = 64
    colour: bool = True
    widths: tuple[int, ...] = (32, 64, 128, 128)
    skips: int | None = None
    identity: int = 64
    noise: int = 10
    norm: NormName = "group"
    residual: bool = True
    still: Literal["first", "random"] = "random"
    averaged: float = 0.0
    frames: int = 8
    mouth_weight: float = 4.0
    video_weight: float = 10.0
    alpha: float = 0.67
    audio_task: AudioTask = "none"
    pictures: PictureAugmentOptions = field(default_factory=gentle)
    sounds: SoundAugmentOptions = field(default_factory=SoundAugmentOptions)

    def __post_init__(self) -> None:
        require_at_least("model", self, size=8, identity=1, noise=1, frames=0, mouth_weight=0, video_weight=0)
        for name in ("alpha", "averaged"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"model.{name} must be 0 to 1, not {getattr(self, name)}")
        if self.size % 2 or self.size % 2 ** len(self.widths):
            raise ValueError(
                f"model.size {self.size} cannot be halved once for each of {len(self.widths)} model.widths"
            )
        if self.pictures.held or self.pictures.jitter:
            raise ValueError(
                "model.pictures.held and .jitter must be 0: frames are drawn one by one, from a clean still"
            )


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

    weights: Tensor

    def __init__(self, options: AnimateOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or AnimateOptions()
        sound = full_speech_options(o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": "animate", "model": asdict(o) | {"sound": sound}}
        self.view = f"{o.region}-{o.size}" + ("" if o.colour else "-luma")
        self.encoder = make_speech_encoder(o.encoder, o.sound)
        self.generator = FrameGenerator(
            o.size,
            3 if o.colour else 1,
            o.widths,
            heard=self.encoder.dim,
            identity=o.identity,
            noise=o.noise,
            skips=o.skips,
            residual=o.residual,
            norm=o.norm,
        )
        self.task: Odd | Reconstruct | None = None
        if o.audio_task != "none":
            self.task = Odd(self.encoder.dim) if o.audio_task == "odd" else Reconstruct(self.encoder.dim)
        self.picture_augment = PictureAugment(o.pictures)
        self.sound_augment = SoundAugment(o.sounds)
        self.register_buffer("weights", _weights(o), persistent=False)

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
            Without ``rng`` also ``drawn``, the pictures themselves, (B, T, 3 or 1, size, size) in 0..1.
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
            drawn = self._draw(video, features, rng)
            found = drawn | found
        if self.task is None:
            loss = found["video"]
        elif o.alpha > 0:
            loss = o.alpha * found["video"] + (1 - o.alpha) * found["audio"]
        else:
            loss = found["audio"]
        kept = self.shown if rng else (*self.shown, "drawn")
        return {"loss": loss} | {name: value.detach() for name, value in found.items() if name in kept}

    def hear(self, audio: Tensor, rng: Generator | None = None) -> Tensor:
        """The encoder's last layer, (B, 640 T) -> (B, T, dim), its spectrum disturbed if there is a generator."""
        with torch.autocast(audio.device.type, enabled=False):
            if isinstance(self.encoder, MelSpeech):
                mel = self.encoder.logmel(audio)
                mel = self.sound_augment.mel(mel, self.encoder.logmel.centres_hz, rng) if rng else mel
            elif rng and self.options.sounds.equaliser_db > 0:
                audio = equalise(audio, rng, self.options.sounds.equaliser_db)
        if isinstance(self.encoder, MelSpeech):
            return self.encoder.states_of_mel(mel)[self.encoder.last]
        return self.encoder(audio, self.encoder.last)  # type: ignore[no-any-return]

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
                moving = torch.cat([part, noise[:, done : done + part.shape[1]].to(part.dtype)], dim=-1)
                done += part.shape[1]
                yield self.generator.draw(looked, moving)[0]

    def _draw(self, video: Tensor, features: Tensor, rng: Generator | None) -> dict[str, Tensor]:
        """Some frames of each clip, and how far they are from the real ones."""
        clips, length = video.shape[:2]
        which = self._choose(clips, length, rng)  # (B, 1 + F): the still, then the frames
        rows = torch.arange(clips, device=video.device).unsqueeze(1)
        pictures = planes(video[rows, which])  # (B, 1 + F, C, S, S)
        if rng is not None and self.options.averaged > 0:
            chosen = torch.rand(clips, generator=rng, device=rng.device).to(video.device) < self.options.averaged
            pictures[chosen, 0] = planes(video[chosen]).mean(1)
        if rng is not None:
            with torch.autocast(video.device.type, enabled=False):
                flat = pictures.transpose(1, 2).flatten(1, 2)  # colour by colour, as it is disturbed
                flat = self.picture_augment(flat, which.shape[1], self.options.size, rng)
                pictures = flat.view(clips, -1, which.shape[1], *flat.shape[2:]).transpose(1, 2)
        still, real = pictures[:, 0], pictures[:, 1:]
        noise = self.generator.noise(clips, length, rng)
        moving = torch.cat([features, noise.to(features.dtype)], dim=-1)[rows, which[:, 1:]]
        drawn = self.generator(still, moving).float()
        off, stood = (drawn - real).abs(), (still.unsqueeze(1) - real).abs()
        video_loss = self.options.video_weight * (off * self.weights).mean()
        return {"video": video_loss, "l1": off.mean(), "copied": stood.mean(), "drawn": drawn}

    def _choose(self, clips: int, length: int, rng: Generator | None) -> Tensor:
        """(B, 1 + F) frames: the still, then those that are drawn, none of them twice."""
        device = rng.device if rng else torch.device("cpu")
        still = torch.zeros(clips, 1, dtype=torch.long, device=device)
        if rng is None or not self.options.frames:
            drawn = torch.arange(length, device=device).expand(clips, -1)
        else:
            drawn = torch.rand(clips, length, generator=rng, device=device).argsort(1)[:, : self.options.frames]
        if rng is not None and self.options.still == "random":
            still = torch.randint(length, (clips, 1), generator=rng, device=device)
        return torch.cat([still, drawn], dim=1).to(self.weights.device)


def planes(video: Tensor) -> Tensor:
    """Pictures as networks take them: uint8 (B, T, S, S, 3) or (B, T, S, S) -> float (B, T, 3 or 1, S, S) in 0..1."""
    ordered = video.permute(0, 1, 4, 2, 3) if video.ndim == 5 else video.unsqueeze(2)
    return ordered.float() / 255


def _weights(options: AnimateOptions) -> Tensor:
    """What a difference costs, (size, size), 1 on average."""
    weights = torch.ones(options.size, options.size)
    if options.region == "face":
        weights[mouth_in(options.size)] = options.mouth_weight
    return weights / weights.mean()
