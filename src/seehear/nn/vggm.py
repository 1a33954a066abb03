"""The ``paper`` encoders: VGG-M for lips, audio, speech and faces.

Lips and audio: layer tables of the group's published code (joonson/syncnet_trainer, FBank variant, and
joonson/syncnet_python for 13 MFCCs), on which Chung, Kang & Chung 2020 (arXiv 2004.14326) build.

Faces: layer table of the group's published code (joonson, the still-image network of arXiv 2005.07074). Chung, Kang &
Chung 2020 (arXiv 2004.14326) sample one random frame per video and resize it to 224x224 pixels.

Averaged over time, as Nagrani, Chung, Albanie & Zisserman 2020 (arXiv 2002.08742) do for the speaker's identity, the
audio encoder is the voice tower of the group's networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seehear.config import check_minimums
from seehear.nn import Encoder
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
"""Spectrum frames per window: 0.2 s, as long as five video frames."""


TRUNK = 512
"""Width of the trunk's features, which lip reading uses."""


CROP_SIDE, CROP_TOP = 1.28, 0.01
"""The larger crop of joonson/syncnet_python: its side relative to a canonical crop's, and where the canonical crop
starts vertically, as a fraction of the larger side; both are centred horizontally. It is 1.4 times as wide as the
detector's box is high, and starts at the top of the box. Measured with YuNet, which was trained on the same images
(WIDER FACE) as their detector, on 20 recordings of GRID, CREMA-D and avatars: side 1.24 to 1.30, start -0.05 to
0.02."""


@dataclass(frozen=True)
class PaperLipsOptions:
    """Options of the lip encoder.

    Attributes:
        dim: width of an embedding.
        pixels: input of the first layer: RGB in 0..1 (``unit-rgb``), or BGR in 0..255 as OpenCV reads files
            (``raw-bgr``, for published SyncNet weights).
        crop: ``as-seen``: use the frames as they are. ``syncnet``: shrink canonical crops to their position in the
            larger crop that published SyncNet weights expect, and pad by repeating the border.
    """

    dim: int = 1024
    pixels: Literal["unit-rgb", "raw-bgr"] = "unit-rgb"
    crop: Literal["as-seen", "syncnet"] = "as-seen"


@dataclass(frozen=True)
class PaperSoundOptions:
    """Options of the audio encoder.

    Attributes:
        dim: width of an embedding.
        spectrum: its input: a log-mel of 40 bands, or 13 MFCCs.
    """

    dim: int = 1024
    spectrum: SpectrumName = "logmel"


class VGGMLips(LipEncoder):
    """VGG-M whose first convolution spans five frames; whole face, colour.

    All later layers have kernel 1 in time, so overlapping windows add no cost.
    """

    region = "face"
    size = 224
    colour = True
    default_layer = "trunk"  # the layer that joonson/syncnet_python calls lip features

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
        """Keep contrast: the published code feeds raw pixels, and the batch norm after the first layer scales them."""
        if self.crop == "syncnet":
            video = in_larger_crop(video)
        return 255 * video.flip(1) if self.pixels == "raw-bgr" else video

    def features(self, video: Tensor) -> Tensor:
        """See `LipEncoder.features`."""
        return cast(Tensor, self.trunk(video)).flatten(2)  # (B, 512, T')


PAPER_LIPS = Encoder(
    "paper", "lips", VGGMLips, PaperLipsOptions, "VGG-M over five frames of the whole face", "Chung, Kang & Chung 2020"
)


class VGGMSound(SoundEncoder):
    """VGG-M on windows of 20 frames of log-mel or MFCC, four frames apart.

    The layer table pads time inside a window. Applied to a whole clip it would pad only the ends and compute something
    else, so every window is processed separately, as in the papers. Overlapping windows are computed five times:
    0.16 GMAC per video frame, compared with 1.56 for the lips.
    """

    bands = 40

    def __init__(self, options: PaperSoundOptions | None = None) -> None:
        super().__init__()
        o = options or PaperSoundOptions()
        self.dim, self.spectrum_name = o.dim, o.spectrum
        self.bands = 13 if o.spectrum == "mfcc" else self.bands
        self.trunk = _logmel_trunk() if o.spectrum == "logmel" else _mfcc_trunk()
        self.head = nn.Sequential(conv1d(TRUNK, TRUNK), nn.Conv1d(TRUNK, self.dim, 1))
        self.span = ReceptiveField(WINDOW, MEL_FRAMES)
        self.context = sound_context(self.span)

    def normalise(self, mel: Tensor) -> Tensor:
        """Normalise a log-mel as usual; keep MFCCs as they are, as published weights were trained on those."""
        return super().normalise(mel) if self.spectrum_name == "logmel" else mel

    def features(self, mel: Tensor) -> Tensor:
        """See `SoundEncoder.features`."""
        mel = trim_to_context(mel, self.span)
        windows = mel.unfold(1, WINDOW, MEL_FRAMES)  # (B, T', 40, 20)
        features = cast(Tensor, self.trunk(windows.flatten(0, 1).unsqueeze(1)))  # (B T', 512, 1, 1)
        return features.view(len(mel), -1, TRUNK).transpose(1, 2)


PAPER_SOUND = Encoder(
    "paper", "sound", VGGMSound, PaperSoundOptions, "VGG-M on windows of 0.2 s", "Chung, Kang & Chung 2020"
)


def _logmel_trunk() -> nn.Sequential:
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


def _mfcc_trunk() -> nn.Sequential:
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
    """Place canonical crops (B, C, T, S, S) in the larger crops of joonson/syncnet_python, at the same resolution."""
    size = video.shape[-1]
    side, top = round(size / CROP_SIDE), round(CROP_TOP * size)
    smaller = F.interpolate(video.flatten(1, 2), (side, side), mode="bilinear", antialias=True)
    left = (size - side) // 2
    placed = F.pad(smaller, (left, size - side - left, top, size - side - top), mode="replicate")
    return placed.view(*video.shape)


@dataclass(frozen=True)
class VGGMFaceOptions:
    """The layer table has no options."""


class VGGMFace(FaceEncoder):
    """Five convolutions, one over the remaining area, one fully connected layer; the last layer is the head's."""

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


PAPER_FACE = Encoder("paper", "face", VGGMFace, VGGMFaceOptions, "VGG-M on a still", "Chung, Kang & Chung 2020")


@dataclass(frozen=True)
class VGGMSpeechOptions:
    """Options of the encoder.

    Attributes:
        normalise: normalisation of the log-mel: ``clip``, by the clip's statistics, as in the papers; ``fixed``, the
            same for all audio.
        dim: width of a window's embedding.
    """

    normalise: Normalise = "clip"
    dim: int = 1024

    def __post_init__(self) -> None:
        check_minimums("sound", self, dim=1)


class VGGMSpeech(MelSpeech):
    """VGG-M on windows centred on their video frames, 40 ms apart; the spectrum is padded by repeating the edges.

    Layers: ``trunk``, and ``embedding``, the output of the tower's head.
    """

    def __init__(self, options: VGGMSpeechOptions | None = None) -> None:
        o = options or VGGMSpeechOptions()
        super().__init__(VGGMSound.bands, o.normalise)
        self.sound = VGGMSound(PaperSoundOptions(o.dim))
        self.context = self.sound.context
        self.reach = None if o.normalise == "clip" else self.context + 1  # the log-mel's windows extend a bit further
        self.layers = {"trunk": TRUNK, "embedding": o.dim}

    def local_of_mel(self, mel: Tensor) -> dict[str, Tensor]:
        """See `MelSpeech.local_of_mel`. Without gradients, long recordings are processed in chunks."""
        frames, around = mel.shape[1] // MEL_FRAMES, MEL_FRAMES * self.sound.context
        padded = F.pad(self.normalise(mel).transpose(1, 2), (around, around), mode="replicate").transpose(1, 2)
        step = frames if self.training or torch.is_grad_enabled() else CHUNK_FRAMES
        trunk = [
            self.sound.features(padded[:, MEL_FRAMES * start : MEL_FRAMES * (start + step) + 2 * around])
            for start in range(0, frames, step)
        ]
        features = torch.cat(trunk, dim=2)  # (B, 512, T)
        return {"trunk": features.transpose(1, 2), "embedding": self.sound.head(features).transpose(1, 2)}


VGGM_SPEECH = Encoder(
    "vggm",
    "speech",
    VGGMSpeech,
    VGGMSpeechOptions,
    "the audio encoder paper at every video frame",
    "Nagrani, Chung, Albanie & Zisserman 2020",
)
