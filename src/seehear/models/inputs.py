"""From a batch to network inputs: regions, stills, segments, time steps, augmented spectra."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from seehear.audio.augmentation import SoundAugmentation, equalise
from seehear.audio.spectrum import LogMel
from seehear.clip import SAMPLES_PER_FRAME, Region, mouth_slices
from seehear.errors import ModelError
from seehear.losses.base import Distance, Loss, distances
from seehear.models.picture_augmentation import PictureAugmentation
from seehear.nn.interface import LipEncoder, Spectrum, StreamedSpeech
from seehear.nn.small import MelSpeech

LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as in codecs and OpenCV."""


class PictureSpec(Protocol):
    """The frames that a network takes or generates."""

    @property
    def region(self) -> Region:
        """Part of the canonical crop."""

    @property
    def colour(self) -> bool:
        """RGB if true, luma otherwise."""


def select_region(video: Tensor, region: Region, encoder: PictureSpec) -> Tensor:
    """Crop frames to the encoder's region and convert them to its colours.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: region shown by the video.
        encoder: what the encoder takes.

    Returns:
        float32 (B, 3 or 1, T, side, side) in 0..1, not resized.

    Raises:
        ModelError: the encoder needs whole faces or colour, and the video has neither.
    """
    if encoder.region == "face" and region == "mouth":
        raise ModelError("this model looks at whole faces, but the clips were kept as mouths only")
    if encoder.colour and video.ndim == 4:
        raise ModelError("this model looks at colours, but the clips were kept without")
    if encoder.region == "mouth" and region == "face":
        rows, columns = mouth_slices(video.shape[2])
        video = video[:, :, rows, columns]
    planes = video.permute(0, 4, 1, 2, 3) if video.ndim == 5 else video.unsqueeze(1)  # (B, C, T, S, S)
    if planes.shape[1] == 3 and not encoder.colour:
        weights = torch.tensor(LUMA_WEIGHTS, device=video.device)
        planes = (video.float() @ weights).unsqueeze(1)
    return planes.float() / 255


def resize_pictures(pictures: Tensor, size: int) -> Tensor:
    """Resize frames (B, C, T, side, side) to (B, C, T, size, size)."""
    if pictures.shape[-1] == size:
        return pictures
    flat = F.interpolate(pictures.flatten(1, 2), (size, size), mode="bilinear", antialias=True)
    return flat.view(*pictures.shape[:3], size, size)


def face_input(stills: Tensor, size: int, augment: PictureAugmentation, rng: Generator | None = None) -> Tensor:
    """Input of a face tower, each still augmented independently if there is a generator.

    Args:
        stills: canonical face crops, uint8 RGB (B, S, S, 3).
        size: side of the result in pixels.
        augment: the augmentation.
        rng: source of the augmentation; without one there is none.

    Returns:
        float32 (B, 3, size, size) in 0..1.
    """
    with torch.autocast(stills.device.type, enabled=False):
        pictures = stills.permute(0, 3, 1, 2).float() / 255
        if rng is not None:
            return augment(pictures, 1, size, rng)  # type: ignore[no-any-return]
        return resize_pictures(pictures.unsqueeze(2), size).squeeze(2)


def encode_augmented(
    encoder: StreamedSpeech, audio: Tensor, augment: SoundAugmentation, rng: Generator | None = None
) -> dict[str, Tensor]:
    """Compute the layers of an encoder, with augmentation of the spectrum.

    Args:
        encoder: speech encoder.
        audio: (B, 640 T) in [-1, 1]; augmentation of the waveform has already been applied.
        augment: augments the log-mel, or, for encoders without one, equalises the waveform.
        rng: source of the augmentation; without one there is none.

    Returns:
        (B, T, width) each, by layer name.
    """
    with torch.autocast(audio.device.type, enabled=False):  # a spectrum needs float32
        if isinstance(encoder, MelSpeech):
            mel = encoder.logmel(audio)
            mel = augment.augment_mel(mel, encoder.logmel.centres_hz, rng) if rng else mel
        elif rng and augment.options.equaliser_db > 0:
            audio = equalise(audio, rng, augment.options.equaliser_db)
    return encoder.states_of_mel(mel) if isinstance(encoder, MelSpeech) else encoder.layer_outputs(audio)


def augmented_spectrum(spectrum: Spectrum, audio: Tensor, augment: SoundAugmentation, rng: Generator) -> Tensor:
    """Input of an audio encoder, augmented: (B, 640 T) -> (B, 4 T, bands)."""
    audio = augment.augment_waveform(audio, rng)
    if isinstance(spectrum, LogMel):
        return augment.augment_mel(spectrum(audio), spectrum.centres_hz, rng)
    cepstra: Tensor = spectrum(equalise(audio, rng, augment.options.equaliser_db))
    return cepstra  # without bands there is nothing to warp


def sample_two_segments(audio: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """Cut two non-overlapping segments out of each window of audio, at whole video frames.

    Args:
        audio: (B, 640 T).
        frames: video frames per segment, 1 or more. A window shorter than two segments gives its halves; one of a
            single frame gives that frame twice.
        rng: source of the positions and the order of the segments; without one they are the first and the last part of
            the window.

    Returns:
        (B, 640 min(frames, T / 2)) each.
    """
    by_frame = audio.view(len(audio), -1, SAMPLES_PER_FRAME)  # (B, T, 640)
    first, second = sample_two_feature_segments(by_frame, frames, rng)
    return first.flatten(1), second.flatten(1)


def sample_two_feature_segments(by_frame: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """`sample_two_segments` of per-frame data: (B, T, D) -> (B, min(frames, T / 2), D) each."""
    count, total, _ = by_frame.shape
    length = min(frames, max(1, total // 2))
    room = max(0, total - 2 * length)
    starts = torch.tensor([0, total - length]).expand(count, 2)
    if rng is not None:
        drawn = torch.randint(room + 1, (count, 2), generator=rng, device=rng.device).sort(1).values
        starts = drawn + torch.tensor([0, total - length - room], device=rng.device)
        swapped = torch.rand(count, 1, generator=rng, device=rng.device) < 0.5
        starts = torch.where(swapped, starts.flip(1), starts)
    rows = torch.arange(count, device=by_frame.device).unsqueeze(1)
    steps = starts.to(by_frame.device).unsqueeze(2) + torch.arange(length, device=by_frame.device)  # (B, 2, length)
    first, second = (by_frame[rows, steps[:, which]] for which in (0, 1))
    return first, second


def lip_input(
    video: Tensor, region: Region, lips: LipEncoder, augment: PictureAugmentation, rng: Generator | None = None
) -> Tensor:
    """Input of a lip encoder, augmented if there is a generator.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: region shown by the video.
        lips: the encoder.
        augment: the augmentation.
        rng: source of the augmentation; without one there is none.

    Returns:
        float32 (B, 3 or 1, T, size, size) in 0..1.

    Raises:
        ModelError: see `select_region`.
    """
    pictures = select_region(video, region, lips)
    if rng is None:
        return resize_pictures(pictures, lips.size)
    augmented: Tensor = augment(pictures.flatten(1, 2), pictures.shape[2], lips.size, rng)
    return augmented.view(*pictures.shape[:3], *augmented.shape[2:])


def align_embeddings(embeddings: Tensor, spare: int, normalised: bool) -> Tensor:
    """(B, N, dim) without ``spare`` steps at either end, float32, scaled to length 1 if ``normalised``."""
    embeddings = embeddings[:, spare : embeddings.shape[1] - spare].float()
    return F.normalize(embeddings, dim=-1) if normalised else embeddings


def sample_steps(groups: int, moments: int, wanted: int | None, spacing: int, rng: Generator | None) -> Tensor | None:
    """Sample (groups, N) sorted time steps, at least ``spacing`` apart; None if all of them take part.

    Args:
        groups: number of clips.
        moments: time steps per clip.
        wanted: number of steps to sample, or as many as fit.
        spacing: minimum distance between two steps in frames.
        rng: source of the sample; without one all steps take part.
    """
    if rng is None or (wanted is None and spacing == 1):
        return None
    count = min(wanted or moments, max(1, moments // spacing))  # one more would leave no freedom
    free = moments - (count - 1) * (spacing - 1)  # sample without spacing, then spread out
    drawn = torch.rand(groups, free, generator=rng, device=rng.device).argsort(1)[:, :count].sort(1).values
    return drawn + torch.arange(count, device=rng.device) * (spacing - 1)


def gather_steps(embeddings: Tensor, times: Tensor) -> Tensor:
    """(B, T, dim) at time steps (B, N) -> (B, N, dim)."""
    return embeddings.gather(1, times.unsqueeze(-1).expand(-1, -1, embeddings.shape[2]))


def sync_loss(
    loss: Loss, sound: Tensor, lips: Tensor, wanted: int | None, spacing: int, rng: Generator | None
) -> dict[str, Tensor]:
    """Loss of distinguishing the time steps of each clip.

    Args:
        loss: loss between audio and lips.
        sound: (B, N, dim) audio embeddings.
        lips: (B, N, dim) lip embeddings of the same time steps.
        wanted, spacing, rng: see `sample_steps`.

    Returns:
        ``loss``; ``matched``, the fraction of audio steps whose nearest lips are their own; and the embeddings that
        took part, ``lips`` and ``sound``, detached.
    """
    times = sample_steps(len(lips), lips.shape[1], wanted, spacing, rng)
    if times is not None:
        lips, sound = gather_steps(lips, times), gather_steps(sound, times)
    cost = loss(sound, lips, times=times)
    lips, sound = lips.detach(), sound.detach()
    return {"loss": cost, "matched": top1_within_clip(sound, lips, loss.distance), "lips": lips, "sound": sound}


@torch.no_grad()
def top1_within_clip(sound: Tensor, lips: Tensor, distance: Distance) -> Tensor:
    """Fraction of audio embeddings (G, N, D) whose nearest lips in the group are their own."""
    similarities = sound @ lips.mT if distance == "cosine" else -distances(sound.float(), lips.float())
    own = torch.arange(similarities.shape[1], device=similarities.device)
    return (similarities.argmax(2) == own).float().mean()
