"""animate: generator and L1 on random frames.

Shukla, Vougioukas, Ma, Petridis & Pantic 2020, arXiv 2001.04316; the audio tasks beside it: arXiv 2005.01400 (`odd`)
and 2007.04134 (`reconstruct`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region, mouth_slices
from seehear.config import build_options, check_minimums
from seehear.models.audio_only import Reconstruct, ShuffleDetection
from seehear.models.inputs import augmentation_from_plain, encode_augmented, resize_pictures, select_region
from seehear.models.interface import PretextModel
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.nn import SpeechName, build_speech_encoder, complete_speech_options
from seehear.nn.generator import FrameGenerator, NormName
from seehear.nn.interface import StreamedSpeech


def generation_augmentation() -> PictureAugmentationOptions:
    """What still and frames are disturbed by together: who it is, where and in what light, but nothing that moves."""
    return PictureAugmentationOptions(
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
class GenerationOptions:
    """What is drawn, by which networks, and from clips disturbed how.

    Attributes:
        region: what is drawn: the whole face crop, or the mouth's part of it.
        size: side of the pictures in pixels.
        colour: RGB, or luma only.
        widths: channels of the maps of still and frame, from the finest (half of the size) to the coarsest.
        skips: levels at which the still's maps join in, from the coarsest; by default all.
        identity: numbers that say who it is.
        noise: numbers a frame that say what is not heard; 0 leaves them out.
        noise_variance: of those numbers, before they are made smooth. arXiv 2001.04316: 0.6; 2005.01400: 0.33.
        norm: what keeps the maps in range: each picture by itself, eight channels (``group``) or all of
            them (``layer``) together; or the batch (``batch``, the papers).
        residual: the difference from the still is drawn, not the picture itself.
        still: which frame of a clip is the still.
        averaged: share of the clips whose still is the mean of all their frames instead. How the mouth stood at one
            moment is then no part of what is to be guessed: half as many steps teach the encoder as much.
        frames: frames of each clip that are drawn and compared, at random; 0 draws all. The papers: 1.
        mouth_weight: what a difference in the mouth's square costs, against 1 elsewhere, where faces are drawn.
        video_weight: factor on the L1 of pictures in 0..1, whatever the loss is made of beside. 2 gives the L1 of
            pictures in -1..1, as the papers' group has them; 10 is that of the small presets, with an L1 of some .03
            where `odd` begins at .56.
        pictures: disturbance of the pictures; still and frames get the same.
    """

    region: Region = "face"
    size: int = 64
    colour: bool = True
    widths: tuple[int, ...] = (32, 64, 128, 128)
    skips: int | None = None
    identity: int = 64
    noise: int = 10
    noise_variance: float = 0.33
    norm: NormName = "group"
    residual: bool = True
    still: Literal["first", "random"] = "random"
    averaged: float = 0.0
    frames: int = 8
    mouth_weight: float = 4.0
    video_weight: float = 1.0
    pictures: PictureAugmentationOptions = field(default_factory=generation_augmentation)

    def __post_init__(self) -> None:
        check_minimums("model", self, size=8, identity=1, noise=0, noise_variance=0, frames=0)
        check_minimums("model", self, mouth_weight=0, video_weight=0)
        if not 0 <= self.averaged <= 1:
            raise ValueError(f"model.averaged must be 0 to 1, not {self.averaged}")
        if self.size % 2 or self.size % 2 ** len(self.widths):
            raise ValueError(
                f"model.size {self.size} cannot be halved once for each of {len(self.widths)} model.widths"
            )
        if self.pictures.held or self.pictures.jitter:
            raise ValueError(
                "model.pictures.held and .jitter must be 0: frames are drawn one by one, from a clean still"
            )


def build_generator(options: GenerationOptions, heard: int) -> FrameGenerator:
    """The networks that draw, from features of speech that are ``heard`` wide."""
    o = options
    return FrameGenerator(
        o.size,
        3 if o.colour else 1,
        o.widths,
        heard=heard,
        identity=o.identity,
        noise=o.noise,
        noise_variance=o.noise_variance,
        skips=o.skips,
        residual=o.residual,
        norm=o.norm,
    )


class GenerationLoss(nn.Module):
    """The comparison of drawn frames and real ones. It has no numbers that learn: the generator is handed in."""

    weights: Tensor

    def __init__(self, options: GenerationOptions) -> None:
        super().__init__()
        self.options = options
        self.picture_augment = PictureAugmentation(options.pictures)
        self.register_buffer("weights", _weights(options), persistent=False)

    def forward(
        self,
        generator: FrameGenerator,
        video: Tensor,
        features: Tensor,
        rng: torch.Generator | None = None,
        seen: Region | None = None,
    ) -> dict[str, Tensor]:
        """Some frames of each clip, and how far they are from the real ones.

        Args:
            generator: what draws.
            video: uint8 (B, T, S, S, 3) or (B, T, S, S).
            features: of the sound, (B, T, heard).
            rng: where stills, frames, noise and disturbances are drawn from. Without one the first frame is the still,
                all frames are drawn, and nothing is disturbed.
            seen: what the video shows; by default what is drawn.

        Returns:
            ``video``, the loss; ``l1``, the mean difference of drawn and real pictures, in 0..1; ``copied``, that of
            the still and the same real pictures; ``drawn`` and ``real``, (B, F, planes, size, size) in 0..1.
        """
        o = self.options
        clips, length = video.shape[:2]
        which = self._choose(clips, length, rng)  # (B, 1 + F): the still, then the frames
        rows = torch.arange(clips, device=video.device).unsqueeze(1)
        pictures = self._shown(video[rows, which], seen)  # (B, C, 1 + F, S, S), colour by colour as it is disturbed
        if rng is not None and o.averaged > 0:
            chosen = torch.rand(clips, generator=rng, device=rng.device).to(video.device) < o.averaged
            pictures[chosen, :, 0] = self._shown(video[chosen], seen).mean(2)
        if rng is not None:
            with torch.autocast(video.device.type, enabled=False):
                flat = self.picture_augment(pictures.flatten(1, 2), which.shape[1], o.size, rng)
                pictures = flat.view(clips, -1, which.shape[1], *flat.shape[2:])
        still, real = pictures[:, :, 0], pictures[:, :, 1:].transpose(1, 2)
        noise = generator.noise(clips, length, rng)
        moving = torch.cat([features, noise.to(features)], dim=-1)[rows, which[:, 1:]]
        drawn = generator(still, moving).float()
        off, stood = (drawn - real).abs(), (still.unsqueeze(1) - real).abs()
        loss = o.video_weight * (off * self.weights).mean()
        return {"video": loss, "l1": off.mean(), "copied": stood.mean(), "drawn": drawn, "real": real}

    def _shown(self, video: Tensor, seen: Region | None) -> Tensor:
        """uint8 pictures as they are drawn: float (B, planes, T, size, size) in 0..1."""
        o = self.options
        return resize_pictures(select_region(video, seen or o.region, o), o.size)

    def _choose(self, clips: int, length: int, rng: torch.Generator | None) -> Tensor:
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


def _weights(options: GenerationOptions) -> Tensor:
    """What a difference costs, (size, size), 1 on average."""
    weights = torch.ones(options.size, options.size)
    if options.region == "face":
        weights[mouth_slices(options.size)] = options.mouth_weight
    return weights / weights.mean()


AudioTask = Literal["none", "odd", "reconstruct"]


@dataclass(frozen=True)
class AnimateOptions(GenerationOptions):
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
    sounds: SoundAugmentationOptions = field(default_factory=SoundAugmentationOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"model.alpha must be 0 to 1, not {self.alpha}")


class AnimateModel(PretextModel):
    """An encoder of speech, and a generator that draws frames from what it heard and from a still.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: what it draws, of each clip.
    """

    name = "animate"
    Options = AnimateOptions
    logged_metrics = ("l1", "copied", "audio", "told")

    def __init__(self, options: AnimateOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or AnimateOptions()
        sound = complete_speech_options(o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": "animate", "model": asdict(o) | {"sound": sound}}
        self.input_view = f"{o.region}-{o.size}" + ("" if o.colour else "-luma")
        self.encoder = build_speech_encoder(o.encoder, o.sound)
        self.generator = build_generator(o, self.encoder.dim)
        self.drawing = GenerationLoss(o)
        self.task: ShuffleDetection | Reconstruct | None = None
        if o.audio_task != "none":
            self.task = ShuffleDetection(self.encoder.dim) if o.audio_task == "odd" else Reconstruct(self.encoder.dim)
            self.generator.requires_grad_(o.alpha > 0)  # what has no share of the loss does not learn
            self.task.requires_grad_(o.alpha < 1)
        self.sound_augment = SoundAugmentation(o.sounds)

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> AnimateOptions:
        """See `Pretext.options_from`."""
        options: AnimateOptions = build_options(AnimateOptions, augmentation_from_plain(given))
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
            heard = self.sound_augment.augment_waveform(audio, rng) if rng else audio
        found: dict[str, Tensor] = {}
        if self.task is None:
            features = self.encode_speech(heard, rng)
        else:
            features, found["audio"], told = self.task(lambda x: self.encode_speech(x, rng), heard, audio, rng)
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
        kept = self.logged_metrics if rng else (*self.logged_metrics, "drawn", "real")
        return {"loss": loss} | {name: value.detach() for name, value in found.items() if name in kept}

    def encode_speech(self, audio: Tensor, rng: Generator | None = None) -> Tensor:
        """The encoder's last layer, (B, 640 T) -> (B, T, dim), its spectrum disturbed if there is a generator."""
        return encode_augmented(self.encoder, audio, self.sound_augment, rng)[self.encoder.last_layer]

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
        looked = self.generator.encode_still(still.unsqueeze(0))
        noise = self.generator.noise(1, len(audio) // SAMPLES_PER_FRAME)
        done = 0
        for features in self.encoder.stream(audio.unsqueeze(0), self.encoder.last_layer, piece):
            for part in torch.split(features, piece, dim=1):  # an encoder that hears all at once gives all at once
                moving = torch.cat([part, noise[:, done : done + part.shape[1]].to(part)], dim=-1)
                done += part.shape[1]
                yield self.generator.render(looked, moving)[0]


def to_planes(video: Tensor) -> Tensor:
    """Pictures as networks take them: uint8 (B, T, S, S, 3) or (B, T, S, S) -> float (B, T, 3 or 1, S, S) in 0..1."""
    ordered = video.permute(0, 1, 4, 2, 3) if video.ndim == 5 else video.unsqueeze(2)
    return ordered.float() / 255
