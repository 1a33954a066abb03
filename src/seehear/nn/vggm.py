"""paper: VGG-M for lips, sound, speech and faces.

Layer tables of the group's published code (joonson/syncnet_trainer, FBank variant, and joonson/syncnet_python, its
13 MFCC), which Chung, Kang & Chung 2020 (arXiv 2004.14326) build on.

Layer table of the group's published code (joonson, the still-image network of arXiv 2005.07074); Chung, Kang & Chung
2020 (arXiv 2004.14326) draw one face of each video at random and bring it to 224x224 pixels.

Averaged over time, as Nagrani, Chung, Albanie & Zisserman 2020 (arXiv 2002.08742) do with what says who speaks, it is
the voice tower of the group's networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.config import check_minimums
from seehear.nn.interface import CHUNK_FRAMES, FaceEncoder, LipEncoder, SoundEncoder, SpectrumName
from seehear.nn.layers import (
    MEL_FRAMES,
    ReceptiveField,
    conv1d,
    conv2d,
    conv3d,
    lips_context,
    sound_context,
    trim_to_context,
)
from seehear.nn.small import MelSpeech, Normalise

WINDOW = 20
"""Frames of the spectrum in one window, 0.2 s: as long as the five video frames."""


TRUNK = 512
"""Width of the trunk's features, those that lip reading uses."""


CROP_SIDE, CROP_TOP = 1.28, 0.01
"""The crop of joonson/syncnet_python: its side in units of a canonical one's, and where in it, in units of its own
side, the canonical one begins; both have the same middle across. It is 1.4 times as wide as a detector's box is high,
and begins where the box does. Measured with YuNet, whose boxes were learned from the same pictures (WIDER FACE) as
those of their detector, on 20 recordings of GRID, CREMA-D and avatars: side 1.24 to 1.30, beginning -0.05 to 0.02."""


@dataclass(frozen=True)
class PaperLipsOptions:
    """Shape of the lip encoder.

    Attributes:
        dim: width of an embedding.
        pixels: what the first layer gets: RGB in 0..1 (``unit-rgb``), or BGR in 0..255 as OpenCV reads files
            (``raw-bgr``, published SyncNet weights).
        crop: what the pictures show: ``as-seen``, whatever it is, or ``syncnet``, canonical crops which take their
            place in the larger crop that published SyncNet weights know, their border repeated around them.
    """

    dim: int = 1024
    pixels: Literal["unit-rgb", "raw-bgr"] = "unit-rgb"
    crop: Literal["as-seen", "syncnet"] = "as-seen"


@dataclass(frozen=True)
class PaperSoundOptions:
    """Shape of the sound encoder.

    Attributes:
        dim: width of an embedding.
        spectrum: what it hears: 40 bands of a log-mel, or 13 MFCC.
    """

    dim: int = 1024
    spectrum: SpectrumName = "logmel"


class VGGMLips(LipEncoder):
    """VGG-M whose first convolution sees five frames; whole face, colour.

    All later layers are 1 in time, so that a clip costs what its frames cost, however the windows overlap.
    """

    region = "face"
    size = 224
    colour = True
    default_layer = "trunk"  # what joonson/syncnet_python calls lip features

    def __init__(self, options: PaperLipsOptions | None = None) -> None:
        super().__init__()
        o = options or PaperLipsOptions()
        self.dim, self.pixels, self.crop = o.dim, o.pixels, o.crop
        self.trunk = nn.Sequential(
            conv3d(3, 96, (5, 7, 7), 2, padding=0),  # 224 -> 109
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),  # 54
            conv3d(96, 256, (1, 5, 5), 2, padding=1),  # 26
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),  # 13
            conv3d(256, 256, (1, 3, 3)),
            conv3d(256, 256, (1, 3, 3)),
            conv3d(256, 256, (1, 3, 3)),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),  # 6
            conv3d(256, TRUNK, (1, 6, 6), padding=0),  # 1
        )
        self.head = nn.Sequential(conv1d(TRUNK, TRUNK), nn.Conv1d(TRUNK, self.dim, 1))
        self.context = lips_context([self.trunk, self.head])

    def normalise(self, video: Tensor) -> Tensor:
        """Contrast stays: the published code feeds raw pixels, which the batch norm after the first layer levels."""
        if self.crop == "syncnet":
            video = in_larger_crop(video)
        return 255 * video.flip(1) if self.pixels == "raw-bgr" else video

    def features(self, video: Tensor) -> Tensor:
        """See `LipsEncoder.features`."""
        return cast(Tensor, self.trunk(video)).flatten(2)  # (B, 512, T')


class VGGMSound(SoundEncoder):
    """VGG-M over windows of 20 frames of log-mel or MFCC, four apart.

    The table pads time inside a window. Run over a whole clip it would pad the clip's ends only, and be another
    function; so every window goes through by itself, as in the papers. Overlapping windows are computed five times
    over: 0.16 GMAC a video frame, beside 1.56 of the lips.
    """

    bands = 40

    def __init__(self, options: PaperSoundOptions | None = None) -> None:
        super().__init__()
        o = options or PaperSoundOptions()
        self.dim, self.spectrum_name = o.dim, o.spectrum
        self.bands = 13 if o.spectrum == "mfcc" else self.bands
        self.trunk = _of_logmel() if o.spectrum == "logmel" else _of_mfcc()
        self.head = nn.Sequential(conv1d(TRUNK, TRUNK), nn.Conv1d(TRUNK, self.dim, 1))
        self.span = ReceptiveField(WINDOW, MEL_FRAMES)
        self.context = sound_context(self.span)

    def normalise(self, mel: Tensor) -> Tensor:
        """Bands of a log-mel as everywhere; MFCC as they are, which is what published weights have learned from."""
        return super().normalise(mel) if self.spectrum_name == "logmel" else mel

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        windows = mel.unfold(1, WINDOW, MEL_FRAMES)  # (B, T', 40, 20)
        features = cast(Tensor, self.trunk(windows.flatten(0, 1).unsqueeze(1)))  # (B T', 512, 1, 1)
        return features.view(len(mel), -1, TRUNK).transpose(1, 2)


def _of_logmel() -> nn.Sequential:
    return nn.Sequential(  # (40, 20)
        conv2d(1, 96, (5, 7), padding=(2, 2)),  # (40, 18)
        nn.MaxPool2d((1, 3), (1, 2)),  # (40, 8)
        conv2d(96, 256, (5, 5), (2, 1), padding=(1, 1)),  # (19, 6)
        nn.MaxPool2d((3, 3), (2, 1)),  # (9, 4)
        conv2d(256, 384, (3, 3), padding=(1, 1)),
        conv2d(384, 256, (3, 3), padding=(1, 1)),
        conv2d(256, 256, (3, 3), padding=(1, 1)),
        nn.MaxPool2d((3, 3), (2, 2)),  # (4, 1)
        conv2d(256, TRUNK, (4, 1), padding=(0, 0)),  # (1, 1)
    )


def _of_mfcc() -> nn.Sequential:
    return nn.Sequential(  # (13, 20)
        conv2d(1, 64, (3, 3), padding=(1, 1)),
        conv2d(64, 192, (3, 3), padding=(1, 1)),
        nn.MaxPool2d((3, 3), (1, 2)),  # (11, 9)
        conv2d(192, 384, (3, 3), padding=(1, 1)),
        conv2d(384, 256, (3, 3), padding=(1, 1)),
        conv2d(256, 256, (3, 3), padding=(1, 1)),
        nn.MaxPool2d((3, 3), (2, 2)),  # (5, 4)
        conv2d(256, TRUNK, (5, 4), padding=(0, 0)),  # (1, 1)
    )


def in_larger_crop(video: Tensor) -> Tensor:
    """Canonical crops (B, C, T, S, S) where they lie in the crops of joonson/syncnet_python, of the same size."""
    size = video.shape[-1]
    side, top = round(size / CROP_SIDE), round(CROP_TOP * size)
    smaller = F.interpolate(video.flatten(1, 2), (side, side), mode="bilinear", antialias=True)
    left = (size - side) // 2
    placed = F.pad(smaller, (left, size - side - left, top, size - side - top), mode="replicate")
    return placed.view(*video.shape)


@dataclass(frozen=True)
class VGGMFaceOptions:
    """The table leaves nothing to choose."""


class VGGMFace(FaceEncoder):
    """Five convolutions, one over all that is left, one fully connected layer; the last linear layer is the head's."""

    size = 224
    dim = TRUNK

    def __init__(self, options: VGGMFaceOptions | None = None) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            conv2d(3, 96, (7, 7), (2, 2), (0, 0)),  # 224 -> 109
            nn.MaxPool2d(3, 2),  # 54
            conv2d(96, 256, (5, 5), (2, 2), (1, 1)),  # 26
            nn.MaxPool2d(3, 2, 1),  # 13
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            conv2d(256, 256, (3, 3), padding=(1, 1)),
            nn.MaxPool2d(3, 2),  # 6
            conv2d(256, TRUNK, (6, 6), padding=(0, 0)),  # 1
            conv2d(TRUNK, TRUNK, (1, 1)),
        )

    def convolve(self, pictures: Tensor) -> Tensor:
        """See `FaceEncoder.convolve`."""
        return cast(Tensor, self.trunk(pictures)).flatten(1)


@dataclass(frozen=True)
class VGGMSpeechOptions:
    """Shape of the encoder.

    Attributes:
        normalise: by what the log-mel is normalised: ``clip``, the clip's own statistics, as the papers have it; or
            ``fixed``, the same for all sound.
        dim: width of a window's embedding.
    """

    normalise: Normalise = "clip"
    dim: int = 1024

    def __post_init__(self) -> None:
        check_minimums("sound", self, dim=1)


class VGGMSpeech(MelSpeech):
    """Windows centred on their video frames, 40 ms apart; beyond the ends the spectrum goes on as it is there.

    Layers: ``trunk``, and ``embedding``, what the towers' heads make of it.
    """

    def __init__(self, options: VGGMSpeechOptions | None = None) -> None:
        o = options or VGGMSpeechOptions()
        super().__init__(VGGMSound.bands, o.normalise)
        self.sound = VGGMSound(PaperSoundOptions(o.dim))
        self.context = self.sound.context
        self.reach = None if o.normalise == "clip" else self.context + 1  # the log-mel's windows reach a little further
        self.layers = {"trunk": TRUNK, "embedding": o.dim}

    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """See `MelSpeech.local_of_mel`. Windows of a long recording go through in turns where nothing is learned."""
        frames, around = mel.shape[1] // MEL_FRAMES, MEL_FRAMES * self.sound.context
        padded = F.pad(self.normalise(mel).transpose(1, 2), (around, around), mode="replicate").transpose(1, 2)
        step = frames if self.training or torch.is_grad_enabled() else CHUNK_FRAMES
        trunk = [
            self.sound.features(padded[:, MEL_FRAMES * start : MEL_FRAMES * (start + step) + 2 * around])
            for start in range(0, frames, step)
        ]
        features = torch.cat(trunk, dim=2)  # (B, 512, T)
        return {"trunk": features.transpose(1, 2), "embedding": self.sound.head(features).transpose(1, 2)}
