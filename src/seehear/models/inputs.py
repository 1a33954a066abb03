"""From a batch to what networks take: regions, stills, segments, moments, augmented spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions, equalise
from seehear.audio.spectrum import LogMel
from seehear.clip import SAMPLES_PER_FRAME, Region, mouth_slices
from seehear.errors import ModelError
from seehear.losses.base import Distance, Loss, distances
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.nn.interface import LipEncoder, Spectrum, StreamedSpeech
from seehear.nn.small import MelSpeech

LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""ITU-R BT.601, as every codec and OpenCV have it."""


class PictureSpec(Protocol):
    """Whoever looks at pictures: an encoder of lips, or what is to be drawn."""

    @property
    def region(self) -> Region:
        """Which part of a canonical crop."""

    @property
    def colour(self) -> bool:
        """RGB, or luma only."""


def select_region(video: Tensor, region: Region, encoder: PictureSpec) -> Tensor:
    """Cut and grey pictures for an encoder.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: what they show.
        encoder: whom they are for.

    Returns:
        float32 (B, 3 or 1, T, side, side) in 0..1, still in their own size.

    Raises:
        ModelError: the encoder needs more than the pictures show: whole faces, or colour.
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
    """Pictures (B, C, T, side, side) at another size, (B, C, T, size, size)."""
    if pictures.shape[-1] == size:
        return pictures
    flat = F.interpolate(pictures.flatten(1, 2), (size, size), mode="bilinear", antialias=True)
    return flat.view(*pictures.shape[:3], size, size)


def face_input(stills: Tensor, size: int, augment: PictureAugmentation, rng: Generator | None = None) -> Tensor:
    """Pictures for a face tower, disturbed each by itself if there is a generator.

    Args:
        stills: canonical face crops, uint8 RGB (B, S, S, 3).
        size: side of the pictures that are wanted.
        augment: what disturbs them.
        rng: where disturbances are drawn from.

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
    """The layers of an encoder.

    Args:
        encoder: of speech.
        audio: (B, 640 T) in [-1, 1], its waves disturbed already.
        augment: what disturbs the spectrum between the log-mel and the rest, or else colours the waves.
        rng: where that is drawn from; without one nothing is disturbed.

    Returns:
        (B, T, width) each, by their names.
    """
    with torch.autocast(audio.device.type, enabled=False):  # a spectrum needs its digits
        if isinstance(encoder, MelSpeech):
            mel = encoder.logmel(audio)
            mel = augment.augment_mel(mel, encoder.logmel.centres_hz, rng) if rng else mel
        elif rng and augment.options.equaliser_db > 0:
            audio = equalise(audio, rng, augment.options.equaliser_db)
    return encoder.states_of_mel(mel) if isinstance(encoder, MelSpeech) else encoder.layer_outputs(audio)


def augmented_spectrum(spectrum: Spectrum, audio: Tensor, augment: SoundAugmentation, rng: Generator) -> Tensor:
    """What a sound encoder takes, of disturbed sound: (B, 640 T) -> (B, 4 T, bands)."""
    audio = augment.augment_waveform(audio, rng)
    if isinstance(spectrum, LogMel):
        return augment.augment_mel(spectrum(audio), spectrum.centres_hz, rng)
    cepstra: Tensor = spectrum(equalise(audio, rng, augment.options.equaliser_db))
    return cepstra  # which have no bands to be warped


def sample_two_segments(audio: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """Cut two segments out of each window of sound, at whole video frames; they do not overlap.

    Args:
        audio: (B, 640 T).
        frames: video frames of a segment, 1 or more. A window that is shorter than two of them gives its halves; one of
            a single frame gives that, twice.
        rng: where they lie and which of them is the first is drawn from; without one they are the window's first and
            its last part.

    Returns:
        (B, 640 min(frames, T / 2)) each.
    """
    by_frame = audio.view(len(audio), -1, SAMPLES_PER_FRAME)  # (B, T, 640)
    first, second = sample_two_feature_segments(by_frame, frames, rng)
    return first.flatten(1), second.flatten(1)


def sample_two_feature_segments(by_frame: Tensor, frames: int, rng: Generator | None = None) -> tuple[Tensor, Tensor]:
    """`sample_two_segments` for anything with a row a video frame: (B, T, D) -> (B, min(frames, T / 2), D) each."""
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
    moments = starts.to(by_frame.device).unsqueeze(2) + torch.arange(length, device=by_frame.device)  # (B, 2, length)
    first, second = (by_frame[rows, moments[:, which]] for which in (0, 1))
    return first, second


def augmentation_from_plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Plain options with ``pictures`` and ``sounds`` made what they are; those that are not there are the usual ones.

    Raises:
        TypeError: an option that there is not.
    """
    options = dict(given)
    options["pictures"] = PictureAugmentationOptions(**options.get("pictures", {}))
    options["sounds"] = SoundAugmentationOptions(**options.get("sounds", {}))
    return options


def lip_input(
    video: Tensor, region: Region, lips: LipEncoder, augment: PictureAugmentation, rng: Generator | None = None
) -> Tensor:
    """Pictures as a lip encoder takes them, disturbed if there is a generator.

    Args:
        video: uint8 (B, T, S, S, 3) RGB or (B, T, S, S) luma.
        region: what they show.
        lips: whom they are for.
        augment: what disturbs them.
        rng: where disturbances are drawn from.

    Returns:
        float32 (B, 3 or 1, T, size, size) in 0..1.

    Raises:
        ModelError: see `seehear.models.inputs.select_region`.
    """
    pictures = select_region(video, region, lips)
    if rng is None:
        return resize_pictures(pictures, lips.size)
    disturbed: Tensor = augment(pictures.flatten(1, 2), pictures.shape[2], lips.size, rng)
    return disturbed.view(*pictures.shape[:3], *disturbed.shape[2:])


def align_embeddings(embeddings: Tensor, spare: int, normalised: bool) -> Tensor:
    """(B, N, dim) without ``spare`` moments at either end, float32, of length 1 where compared by their angle."""
    embeddings = embeddings[:, spare : embeddings.shape[1] - spare].float()
    return F.normalize(embeddings, dim=-1) if normalised else embeddings


def sample_steps(groups: int, moments: int, wanted: int | None, spacing: int, rng: Generator | None) -> Tensor | None:
    """(groups, N) sorted moments, at least ``spacing`` apart; None where all of them take part.

    Args:
        groups: clips.
        moments: of each of them.
        wanted: how many of them are drawn, if there are so many.
        spacing: frames between two of them, at least.
        rng: where they are drawn from; without one all of them take part.
    """
    if rng is None or (wanted is None and spacing == 1):
        return None
    count = min(wanted or moments, max(1, moments // spacing))  # not one more, or there were no choice left
    free = moments - (count - 1) * (spacing - 1)  # draw without spacing, then push apart
    drawn = torch.rand(groups, free, generator=rng, device=rng.device).argsort(1)[:, :count].sort(1).values
    return drawn + torch.arange(count, device=rng.device) * (spacing - 1)


def gather_steps(embeddings: Tensor, times: Tensor) -> Tensor:
    """(B, T, dim) at (B, N) moments -> (B, N, dim)."""
    return embeddings.gather(1, times.unsqueeze(-1).expand(-1, -1, embeddings.shape[2]))


def sync_loss(
    loss: Loss, sound: Tensor, lips: Tensor, wanted: int | None, spacing: int, rng: Generator | None
) -> dict[str, Tensor]:
    """What it costs to confuse the moments of each clip.

    Args:
        loss: between sound and lips.
        sound: (B, N, dim) embeddings.
        lips: (B, N, dim) embeddings of the same moments.
        wanted: see `sample_steps`, as are ``spacing`` and ``rng``.

    Returns:
        ``loss``; ``matched``, the share of the moments of sound whose nearest lips are their own; and the embeddings
        that took part, ``lips`` and ``sound``, without their graph.
    """
    times = sample_steps(len(lips), lips.shape[1], wanted, spacing, rng)
    if times is not None:
        lips, sound = gather_steps(lips, times), gather_steps(sound, times)
    cost = loss(sound, lips, times=times)
    lips, sound = lips.detach(), sound.detach()
    return {"loss": cost, "matched": top1_within_clip(sound, lips, loss.distance), "lips": lips, "sound": sound}


@torch.no_grad()
def top1_within_clip(sound: Tensor, lips: Tensor, distance: Distance) -> Tensor:
    """Share of (G, N, D) sounds whose nearest lips of the group are their own."""
    alike = sound @ lips.mT if distance == "cosine" else -distances(sound.float(), lips.float())
    own = torch.arange(alike.shape[1], device=alike.device)
    return (alike.argmax(2) == own).float().mean()
