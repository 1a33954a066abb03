"""The disentangle model: separate embeddings of speech content and speaker identity.

Nagrani, Chung, Albanie & Zisserman 2020, "Disentangled speech embeddings using cross-modal self-supervision" (arXiv
2002.08742), the predecessor of "Seeing voices and hearing voices".
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region
from seehear.config import check_minimums, check_names
from seehear.errors import ModelError
from seehear.losses.audiovisual import Confusion, Multiway
from seehear.losses.base import SimilarityName, candidates, gather_processes
from seehear.models.inputs import (
    align_embeddings,
    augmented_spectrum,
    gather_steps,
    lip_input,
    sample_steps,
    top1_within_clip,
)
from seehear.models.interface import IdentityModel, LipSyncModel
from seehear.models.match import still_augmentation, voice_augmentation
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.models.validation import JointValidation
from seehear.nn import EncoderName, build_encoder, complete_options
from seehear.nn.embed import PaddedSpeechEncoder
from seehear.nn.interface import make_spectrum

IDENTITY = "identity"
"""The layer of `DisentangleModel.speech` with the speaker's identity."""


@dataclass(frozen=True)
class DisentangleOptions:
    """Options of the disentangle model: trunks, losses of the heads, and augmentation.

    Attributes:
        pretext: the model that these options belong to.
        encoder: family of the trunks; each has two heads.
        lips: options of the lip encoder that differ from the family's.
        sound: options of the audio encoder that differ from the family's.
        content_weight: weight of the content loss: the content heads distinguish time steps of a clip.
        identity_weight: weight of the identity loss: the identity heads distinguish clips of the batch.
        confusion_weight: weight of the confusion loss: neither head should solve the other's task; 0 disables it.
        similarity: similarity of all these losses. The paper uses ``inverse-euclidean``.
        symmetric: average the losses of both directions, audio to video and video to audio.
        exclude: other time steps within this many frames are not negatives of each other.
        candidates: random time steps per clip that take part; by default all. The paper: 30, all.
        spacing: minimum distance between two of them in frames.
        pictures: augmentation of the video, the same for all frames of a clip.
        sounds: augmentation of the audio. Vocal tract length is not augmented, as it identifies the speaker.
    """

    pretext: Literal["disentangle"] = "disentangle"
    encoder: EncoderName = "small"
    lips: dict[str, Any] = field(default_factory=dict)
    sound: dict[str, Any] = field(default_factory=dict)
    content_weight: float = 1.0
    identity_weight: float = 1.0
    confusion_weight: float = 1.0
    similarity: SimilarityName = "angular"
    symmetric: bool = True
    exclude: int = 1
    candidates: int | None = None
    spacing: int = 1
    pictures: PictureAugmentationOptions = field(default_factory=still_augmentation)
    sounds: SoundAugmentationOptions = field(default_factory=voice_augmentation)

    def __post_init__(self) -> None:
        check_names(self)
        weights = ("content_weight", "identity_weight", "confusion_weight")
        check_minimums("model", self, exclude=0, spacing=1, **dict.fromkeys(weights, 0.0))
        if self.candidates is not None:
            check_minimums("model", self, candidates=2)
        if not self.content_weight + self.identity_weight:
            raise ValueError("one of model.content_weight and model.identity_weight must be more than 0")


class ModalityPair(NamedTuple):
    """Audio and video embeddings of the same things."""

    voice: Tensor
    face: Tensor


class DisentangleModel(LipSyncModel, IdentityModel):
    """A lip and an audio encoder with two heads each: one matches time steps, the other people.

    The identity of a voice is averaged over the time steps of a clip; that of a face comes from one random frame.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
        view: whole faces.
        lips, sound: trunks with the content heads.
        who_seen, who_heard: the identity heads.
    """

    name = "disentangle"
    Options = DisentangleOptions
    summary = "separate embeddings of speech content and of identity, of lips and audio"
    paper = "Nagrani et al. 2020, arXiv 2002.08742"
    validation = JointValidation
    logged_metrics = ("matched", "found", "content", "identity", "confusion")
    separate_sources = True

    def __init__(self, options: DisentangleOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or DisentangleOptions()
        encoders = {
            "lips": complete_options("lips", o.encoder, o.lips),
            "sound": complete_options("sound", o.encoder, o.sound),
        }
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | encoders}
        self.lips = build_encoder("lips", o.encoder, o.lips)
        self.sound = build_encoder("sound", o.encoder, o.sound)
        if self.lips.dim != self.sound.dim:
            raise ModelError(f"lips have embeddings of {self.lips.dim} numbers but sound of {self.sound.dim}")
        self.who_seen, self.who_heard = head_like(self.lips.head), head_like(self.sound.head)
        self.dim, self.context = self.lips.dim, max(self.lips.context, self.sound.context)
        self.input_view = f"face-{self.lips.size if self.lips.region == 'face' else 2 * self.lips.size}"
        self.spectrum = make_spectrum(self.sound)
        self.content = Multiway(o.similarity, o.symmetric, o.exclude)
        self.identity = Multiway(o.similarity, o.symmetric)
        self.confusion = Confusion(o.symmetric)
        self.distance, self.normalised = self.content.distance, self.content.normalised
        self._set_requires_grad(self.content, o.content_weight, self.lips.head, self.sound.head)
        self._set_requires_grad(self.identity, o.identity_weight, self.who_seen, self.who_heard)
        self.picture_augment = PictureAugmentation(o.pictures)
        self.sound_augment = SoundAugmentation(o.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on CPUs

    @property
    def learns(self) -> tuple[str, ...]:
        """The tasks with a weight: sync, match."""
        o = self.options
        return tuple(name for name, weight in (("sync", o.content_weight), ("match", o.identity_weight)) if weight)

    @property
    def speech(self) -> PaddedSpeechEncoder:
        """The audio encoder for whole recordings; its layer ``identity`` identifies the speaker."""
        return PaddedSpeechEncoder(self.sound, self.spectrum, self.normalised, {IDENTITY: self.who_heard})

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSyncModel.embed_lips`."""
        return self._embed_frames(lip_input(video, region, self.lips, self.picture_augment), self.lips.head)[0]

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSyncModel.embed_sound`."""
        return self._embed_spectrum(self.spectrum(audio), self.sound.head)[0]

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self.identity

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        return self._finish(self.speech(audio, IDENTITY).mean(1))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`. The still is repeated to fill the receptive field of the lip encoder."""
        held = faces.unsqueeze(1).expand(-1, 2 * self.context + 1, -1, -1, -1)
        pictures = lip_input(held, "face", self.lips, self.picture_augment)
        return self._embed_frames(pictures, self.who_seen)[0][:, 0]

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length, ``video`` of whole faces and ``audio``. The T - 2 context time steps of a clip
                are each other's candidates for content, the clips of the batch (of all processes) for identity.
            rng: source of augmentation, time steps and face frames; without one there is no augmentation.

        Returns:
            ``loss``; its parts ``content``, ``identity`` and ``confusion``, if they have a weight; ``matched``, the
            fraction of audio steps whose nearest lips are their own; ``found``, the fraction of voices whose nearest
            face is their own; and without ``rng`` the embeddings: ``lips`` and ``sound`` (B, N, dim), and of two parts
            of each clip ``voice``, ``face``, ``voice2``, ``face2`` (B, dim).
        """
        o = self.options
        with torch.autocast(batch["video"].device.type, enabled=False):  # augmentation and spectra need float32
            pictures, spectrum = self._prepare(batch, rng)
        content_video, identity_video = self._embed_frames(pictures, self.lips.head, self.who_seen)
        content_audio, identity_audio = self._embed_spectrum(spectrum, self.sound.head, self.who_heard)
        content, identity = ModalityPair(content_audio, content_video), ModalityPair(identity_audio, identity_video)
        times = sample_steps(len(content_video), content_video.shape[1], o.candidates, o.spacing, rng)
        if times is not None:
            content, identity = (
                ModalityPair(gather_steps(pair.voice, times), gather_steps(pair.face, times))
                for pair in (content, identity)
            )
        faces = _sample_face_steps(identity.face, rng)
        people = _people(identity, faces)
        losses = {}
        if o.content_weight:
            losses["content"] = self.content(*content, times=times)
        if o.identity_weight:
            losses["identity"] = self.identity(*people)
        if o.confusion_weight:
            among_people, among_steps = candidates(people.voice), candidates(identity.voice, None, times, o.exclude)
            over_people = self.confusion(*_people(content, faces), self.content.similarity, among_people)
            over_time = self.confusion(*identity, self.identity.similarity, among_steps)
            losses["confusion"] = (over_people + over_time) / 2
        loss = torch.stack([getattr(o, f"{name}_weight") * value for name, value in losses.items()]).sum()
        outputs = {name: value.detach() for name, value in losses.items()}
        outputs["matched"] = top1_within_clip(*content, self.distance)
        outputs["found"] = top1_within_clip(*people, self.distance)
        if rng is None:
            outputs |= {"lips": content.face, "sound": content.voice} | self._two_views(identity)
        return {"loss": loss} | outputs

    def _set_requires_grad(self, loss: Multiway, weight: float, *heads: nn.Module) -> None:
        """Train only what has a weight: distributed training waits for the gradients of all trainable weights."""
        if not weight:
            loss.requires_grad_(False)
        for head in heads:
            head.requires_grad_(weight + self.options.confusion_weight > 0)

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Frames and spectrum as the encoders take them, augmented if there is a generator."""
        video, audio = batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        pictures = lip_input(video, "face", self.lips, self.picture_augment, rng)
        if rng is None:
            return pictures, self.spectrum(audio)
        return pictures, augmented_spectrum(self.spectrum, audio, self.sound_augment, rng)

    def _embed_frames(self, pictures: Tensor, *heads: nn.Module) -> list[Tensor]:
        """Embeddings by each head, (B, T - 2 context, dim) each."""
        features = self.lips.features(self.lips.normalise(pictures))
        return [self._align(head(features), self.lips.context) for head in heads]

    def _embed_spectrum(self, spectrum: Tensor, *heads: nn.Module) -> list[Tensor]:
        """Embeddings by each head, (B, T - 2 context, dim) each."""
        features = self.sound.features(self.sound.normalise(spectrum))
        return [self._align(head(features), self.sound.context) for head in heads]

    def _align(self, embeddings: Tensor, context: int) -> Tensor:
        return align_embeddings(embeddings.transpose(1, 2), self.context - context, self.normalised)

    def _two_views(self, identity: ModalityPair) -> dict[str, Tensor]:
        """Each clip's voice in its two halves, and its face in two frames."""
        middle = max(1, identity.voice.shape[1] // 2)
        voices = [self._finish(part.mean(1)) for part in (identity.voice[:, :middle], identity.voice[:, -middle:])]
        faces = [identity.face[:, middle // 2], identity.face[:, -middle // 2]]
        return dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))

    def _finish(self, embeddings: Tensor) -> Tensor:
        return F.normalize(embeddings, dim=-1) if self.normalised else embeddings


def head_like(head: nn.Sequential) -> nn.Sequential:
    """Copy the architecture of a head, with new random weights."""
    other = deepcopy(head)
    for layer in other.modules():
        if isinstance(layer, nn.Conv1d | nn.BatchNorm1d):
            layer.reset_parameters()
    return other


def _sample_face_steps(seen: Tensor, rng: Generator | None) -> Tensor:
    """(B, 1) time steps of the face frames; without a generator the middle one."""
    clips, moments = seen.shape[:2]
    if rng is None:
        return torch.full((clips, 1), moments // 2, device=seen.device)
    return torch.randint(moments, (clips, 1), generator=rng, device=rng.device).to(seen.device)


def _people(pair: ModalityPair, faces: Tensor) -> ModalityPair:
    """One group (1, B, dim) of the clips of all processes: voices averaged over time, faces of one frame."""
    mine = pair.voice.mean(1), gather_steps(pair.face, faces)[:, 0]
    return ModalityPair(*((gather_processes(x) if torch.is_grad_enabled() else x).unsqueeze(0) for x in mine))
