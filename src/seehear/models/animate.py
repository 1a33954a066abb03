"""The animate model: a speech encoder and a generator of frames, trained with an L1 loss on random frames.

Shukla, Vougioukas, Ma, Petridis & Pantic 2020, arXiv 2001.04316; with audio tasks: arXiv 2005.01400 (`odd`) and
2007.04134 (`reconstruct`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region, mouth_slices
from seehear.config import check_minimums, check_names
from seehear.models.audio_only import Reconstruct, ShuffleDetection
from seehear.models.inputs import encode_augmented, resize_pictures, select_region
from seehear.models.interface import PretextModel
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.models.validation import AnimateValidation
from seehear.nn import SpeechName, build_encoder, complete_options
from seehear.nn.generator import FrameGenerator, NormName
from seehear.nn.interface import StreamedSpeech


def generation_augmentation() -> PictureAugmentationOptions:
    """Augmentation shared by still and frames: identity, position and light, but nothing that moves."""
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
    """What is generated, by which networks, and with which augmentation.

    Attributes:
        region: generated region: the whole face crop, or the mouth region.
        size: side of the frames in pixels.
        colour: RGB if true, luma otherwise.
        widths: channels of the generator's maps, from the finest (half of the size) to the coarsest.
        skips: number of levels that join the still's maps, from the coarsest; by default all.
        identity: size of the identity vector.
        noise: noise values per frame, for motion that does not follow from the audio; 0 disables them.
        noise_variance: variance of the noise before smoothing. arXiv 2001.04316: 0.6; 2005.01400: 0.33.
        norm: normalisation: within each frame, over eight channels (``group``) or all of them (``layer``); or over the
            batch (``batch``, as in the papers).
        residual: predict the difference from the still, not the frame itself.
        still: which frame of a clip is the still.
        averaged: fraction of the clips whose still is the mean of all their frames. The mouth position in the still
            then need not be guessed: the encoder learns as much in half as many steps.
        frames: number of random frames per clip that are generated and compared; 0 uses all. The papers use 1.
        mouth_weight: weight of errors in the mouth region, relative to 1 elsewhere, if faces are generated.
        video_weight: factor on the L1 of frames in 0..1, whatever other losses there are. 2 gives the L1 of frames in
            -1..1, as in the papers; the small presets use 10, with an L1 of about .03 where `odd` starts at .56.
        pictures: augmentation of the video; the same for still and frames.
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
                "model.pictures.held and .jitter must be 0: frames are generated one by one, from a clean still"
            )


def build_generator(options: GenerationOptions, heard: int) -> FrameGenerator:
    """Build the generator for speech features of width ``heard``."""
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
    """Compares generated frames with real ones. It has no trainable parameters: the generator is an argument."""

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
        """Generate some frames of each clip and compute their error.

        Args:
            generator: the generator.
            video: uint8 (B, T, S, S, 3) or (B, T, S, S).
            features: audio features, (B, T, heard).
            rng: source of stills, frames, noise and augmentation. Without one the first frame is the still, all frames
                are generated, and there is no augmentation.
            seen: region shown by the video; by default the generated region.

        Returns:
            ``video``, the loss; ``l1``, the mean error of the generated frames, in 0..1; ``copied``, that of the still
            as a prediction of the same frames; ``drawn`` and ``real``, (B, F, planes, size, size) in 0..1.
        """
        o = self.options
        clips, length = video.shape[:2]
        which = self._choose(clips, length, rng)  # (B, 1 + F): the still, then the frames
        rows = torch.arange(clips, device=video.device).unsqueeze(1)
        pictures = self._select(video[rows, which], seen)  # (B, C, 1 + F, S, S), as the augmentation takes them
        if rng is not None and o.averaged > 0:
            chosen = torch.rand(clips, generator=rng, device=rng.device).to(video.device) < o.averaged
            pictures[chosen, :, 0] = self._select(video[chosen], seen).mean(2)
        if rng is not None:
            with torch.autocast(video.device.type, enabled=False):
                flat = self.picture_augment(pictures.flatten(1, 2), which.shape[1], o.size, rng)
                pictures = flat.view(clips, -1, which.shape[1], *flat.shape[2:])
        still, real = pictures[:, :, 0], pictures[:, :, 1:].transpose(1, 2)
        noise = generator.noise(clips, length, rng)
        moving = torch.cat([features, noise.to(features)], dim=-1)[rows, which[:, 1:]]
        drawn = generator(still, moving).float()
        error, still_error = (drawn - real).abs(), (still.unsqueeze(1) - real).abs()
        loss = o.video_weight * (error * self.weights).mean()
        return {"video": loss, "l1": error.mean(), "copied": still_error.mean(), "drawn": drawn, "real": real}

    def _select(self, video: Tensor, seen: Region | None) -> Tensor:
        """uint8 video as the generator's target: float (B, planes, T, size, size) in 0..1."""
        o = self.options
        return resize_pictures(select_region(video, seen or o.region, o), o.size)

    def _choose(self, clips: int, length: int, rng: torch.Generator | None) -> Tensor:
        """(B, 1 + F) frame indices: the still, then distinct frames to generate."""
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
    """Pixel weights of the loss, (size, size), with mean 1."""
    weights = torch.ones(options.size, options.size)
    if options.region == "face":
        weights[mouth_slices(options.size)] = options.mouth_weight
    return weights / weights.mean()


AudioTask = Literal["none", "odd", "reconstruct"]


@dataclass(frozen=True)
class AnimateOptions(GenerationOptions):
    """Options of the animate model: networks, generated region, and augmentation.

    Attributes:
        pretext: the model that these options belong to.
        encoder: name of the speech encoder.
        sound: options of the encoder that differ from its defaults.
        alpha: weight of the video loss if there is an audio task: alpha L_video + (1 - alpha) L_audio. 0 trains on
            audio only, 1 on video only. 2005.01400: 0.67. L_video is ``video_weight`` times the L1.
        audio_task: additional audio-only task of the encoder.
        sounds: augmentation of the audio.
    """

    pretext: Literal["animate"] = "animate"
    encoder: SpeechName = "small"
    sound: dict[str, Any] = field(default_factory=dict)
    alpha: float = 0.67
    audio_task: AudioTask = "none"
    sounds: SoundAugmentationOptions = field(default_factory=SoundAugmentationOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_names(self)
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"model.alpha must be 0 to 1, not {self.alpha}")


class AnimateModel(PretextModel):
    """A speech encoder, and a generator of frames from its features and a still.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
        view: the data view that it trains on.
    """

    name = "animate"
    Options = AnimateOptions
    summary = "frames of a talking face generated from audio and a still"
    paper = "Shukla et al. 2020, arXiv 2001.04316"
    validation = AnimateValidation
    logged_metrics = ("l1", "copied", "audio", "told")

    def __init__(self, options: AnimateOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or AnimateOptions()
        sound = complete_options("speech", o.encoder, o.sound)
        self.config: dict[str, Any] = {"pretext": "animate", "model": asdict(o) | {"sound": sound}}
        self.input_view = f"{o.region}-{o.size}" + ("" if o.colour else "-luma")
        self.encoder = build_encoder("speech", o.encoder, o.sound)
        self.generator = build_generator(o, self.encoder.dim)
        self.drawing = GenerationLoss(o)
        self.task: ShuffleDetection | Reconstruct | None = None
        if o.audio_task != "none":
            self.task = ShuffleDetection(self.encoder.dim) if o.audio_task == "odd" else Reconstruct(self.encoder.dim)
            self.generator.requires_grad_(o.alpha > 0)  # parts without weight in the loss get no gradients
            self.task.requires_grad_(o.alpha < 1)
        self.sound_augment = SoundAugmentation(o.sounds)

    @property
    def speech(self) -> StreamedSpeech:
        """The audio encoder."""
        return self.encoder

    @property
    def generated_region(self) -> Region:
        """Region shown by the generated frames."""
        return self.options.region

    def animator(self) -> AnimateModel:
        """See `PretextModel.animator`."""
        return self

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length, ``video`` in the model's `view` and ``audio``.
            rng: source of augmentation, stills, frames and noise. Without one there is no augmentation, the first frame
                is the still, and all frames are generated.

        Returns:
            ``loss``; ``l1``, the mean error of the generated frames, in 0..1; ``copied``, that of the still as a
            prediction of the same frames; with an audio task its loss, ``audio``, and accuracy, ``told``. Without
            ``rng`` also ``drawn`` and ``real``, the frames themselves, (B, T, 3 or 1, size, size) in 0..1.
        """
        o, video, audio = self.options, batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} video frames do not match {audio.shape[1]} audio samples")
        with torch.autocast(video.device.type, enabled=False):
            augmented = self.sound_augment.augment_waveform(audio, rng) if rng else audio
        outputs: dict[str, Tensor] = {}
        if self.task is None:
            features = self.encode_speech(augmented, rng)
        else:
            features, outputs["audio"], metrics = self.task(lambda x: self.encode_speech(x, rng), augmented, audio, rng)
            outputs |= metrics
        if self.task is None or o.alpha > 0 or rng is None:
            drawn = self.drawing(self.generator, video, features, rng)
            outputs = drawn | outputs
        if self.task is None:
            loss = outputs["video"]
        elif o.alpha > 0:
            loss = o.alpha * outputs["video"] + (1 - o.alpha) * outputs["audio"]
        else:
            loss = outputs["audio"]
        kept = self.logged_metrics if rng else (*self.logged_metrics, "drawn", "real")
        return {"loss": loss} | {name: value.detach() for name, value in outputs.items() if name in kept}

    def encode_speech(self, audio: Tensor, rng: Generator | None = None) -> Tensor:
        """The encoder's last layer, (B, 640 T) -> (B, T, dim); with ``rng`` the spectrum is augmented."""
        return encode_augmented(self.encoder, audio, self.sound_augment, rng)[self.encoder.last_layer]

    @torch.inference_mode()
    def animate(self, still: Tensor, audio: Tensor, piece: int = 100) -> Iterator[Tensor]:
        """Yield frames for a recording of any length; memory use does not grow with it.

        Args:
            still: (planes, size, size) in 0..1, in the model's `view`.
            audio: (640 T,), in [-1, 1].
            piece: frames generated at a time.

        Yields:
            (t, planes, size, size) in 0..1, T frames in all; equal to the result of a single pass.
        """
        encoded = self.generator.encode_still(still.unsqueeze(0))
        noise = self.generator.noise(1, len(audio) // SAMPLES_PER_FRAME)
        done = 0
        for features in self.encoder.stream(audio.unsqueeze(0), self.encoder.last_layer, piece):
            for part in torch.split(features, piece, dim=1):  # encoders that cannot be chunked return all at once
                moving = torch.cat([part, noise[:, done : done + part.shape[1]].to(part)], dim=-1)
                done += part.shape[1]
                yield self.generator.render(encoded, moving)[0]


def to_planes(video: Tensor) -> Tensor:
    """uint8 (B, T, S, S, 3) or (B, T, S, S) -> float (B, T, 3 or 1, S, S) in 0..1, as networks take frames."""
    ordered = video.permute(0, 1, 4, 2, 3) if video.ndim == 5 else video.unsqueeze(2)
    return ordered.float() / 255
