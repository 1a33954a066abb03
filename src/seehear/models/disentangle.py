"""disentangle: what is said and who says it.

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
from seehear.config import build_options, check_minimums
from seehear.errors import ModelError
from seehear.losses.audiovisual import Confusion, Multiway
from seehear.losses.base import SimilarityName, candidates, gather_processes
from seehear.models.inputs import (
    align_embeddings,
    augmentation_from_plain,
    augmented_spectrum,
    gather_steps,
    lip_input,
    sample_steps,
    top1_within_clip,
)
from seehear.models.interface import IdentityModel, LipSyncModel
from seehear.models.match import still_augmentation, voice_augmentation
from seehear.models.picture_augmentation import PictureAugmentation, PictureAugmentationOptions
from seehear.nn import EncoderName, build_encoder_pair, complete_pair_options
from seehear.nn.embed import PaddedSpeechEncoder
from seehear.nn.interface import make_spectrum

IDENTITY = "identity"
"""The layer of `DisentangleModel.speech` that says who speaks."""


@dataclass(frozen=True)
class DisentangleOptions:
    """The disentangle pretext: its trunks, what its heads learn, and how its clips are disturbed.

    Attributes:
        pretext: whose options these are.
        encoder: family of the trunks, whose heads are made twice.
        lips: options of the lip encoder that differ from the family's.
        sound: options of the sound encoder that differ from the family's.
        content_weight: of telling moments of a clip by the heads of content.
        identity_weight: of telling clips of the batch by the heads of identity.
        confusion_weight: of telling nothing of the other's choice by either; 0 leaves that out.
        similarity: of all these choices. The paper's is ``inverse-euclidean``.
        symmetric: sound chooses pictures and pictures choose sound.
        exclude: moments nearer than this many frames (and not the same) are no negatives of each other.
        candidates: moments of each clip that take part, drawn at random; all by default. The paper: 30, all.
        spacing: frames between two of them, at least.
        pictures: disturbance of the pictures, the same for all frames of a clip.
        sounds: disturbance of the sound. The voice's own length is left alone, since it says who speaks.
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
        weights = ("content_weight", "identity_weight", "confusion_weight")
        check_minimums("model", self, exclude=0, spacing=1, **dict.fromkeys(weights, 0.0))
        if self.candidates is not None:
            check_minimums("model", self, candidates=2)
        if not self.content_weight + self.identity_weight:
            raise ValueError("one of model.content_weight and model.identity_weight must be more than 0")


class ModalityPair(NamedTuple):
    """Embeddings of one kind, of the same things."""

    voice: Tensor
    face: Tensor


class DisentangleModel(LipSyncModel, IdentityModel):
    """A lip and a sound encoder with two heads each: moments agree by the one, people by the other.

    Identity is heard in the mean of a clip's moments and seen in one of them, drawn at random.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: whole faces.
        lips, sound: trunks, with the heads of content.
        who_seen, who_heard: the heads of identity.
    """

    name = "disentangle"
    Options = DisentangleOptions
    logged_metrics = ("matched", "found", "content", "identity", "confusion")
    separate_sources = True

    def __init__(self, options: DisentangleOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or DisentangleOptions()
        lips, sound = complete_pair_options(o.encoder, o.lips, o.sound)
        self.config: dict[str, Any] = {"pretext": self.name, "model": asdict(o) | {"lips": lips, "sound": sound}}
        self.lips, self.sound = build_encoder_pair(o.encoder, o.lips, o.sound)
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
        self._ask(self.content, o.content_weight, self.lips.head, self.sound.head)
        self._ask(self.identity, o.identity_weight, self.who_seen, self.who_heard)
        self.picture_augment = PictureAugmentation(o.pictures)
        self.sound_augment = SoundAugmentation(o.sounds)
        self.lips.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster on a CPU

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> DisentangleOptions:
        """See `Pretext.options_from`."""
        options: DisentangleOptions = build_options(DisentangleOptions, augmentation_from_plain(given))
        return options

    @property
    def learns(self) -> tuple[str, ...]:
        """What has a weight: sync, match."""
        o = self.options
        return tuple(name for name, weight in (("sync", o.content_weight), ("match", o.identity_weight)) if weight)

    @property
    def speech(self) -> PaddedSpeechEncoder:
        """The sound encoder, for each frame of any recording; its layer ``identity`` says who speaks."""
        return PaddedSpeechEncoder(self.sound, self.spectrum, self.normalised, {IDENTITY: self.who_heard})

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSync.embed_lips`."""
        return self._of_lips(lip_input(video, region, self.lips, self.picture_augment), self.lips.head)[0]

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSync.embed_sound`."""
        return self._of_sound(self.spectrum(audio), self.sound.head)[0]

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self.identity

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        return self._finish(self.speech(audio, IDENTITY).mean(1))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`. A still is seen as if it were held for as long as the lips are looked at."""
        held = faces.unsqueeze(1).expand(-1, 2 * self.context + 1, -1, -1, -1)
        pictures = lip_input(held, "face", self.lips, self.picture_augment)
        return self._of_lips(pictures, self.who_seen)[0][:, 0]

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length, ``video`` whole faces and ``audio``. The T - 2 context moments of a clip are
                each other's candidates for content, the clips of the batch (of all processes) for identity.
            rng: where disturbances, moments and faces are drawn from; without one nothing is disturbed.

        Returns:
            ``loss``; its parts ``content``, ``identity`` and ``confusion``, where they have a weight; ``matched``, the
            share of moments of sound whose nearest lips are their own; ``found``, the share of voices whose nearest
            face is their own; and without ``rng`` what was compared: ``lips`` and ``sound`` (B, N, dim), and of two
            parts of each clip ``voice``, ``face``, ``voice2``, ``face2`` (B, dim).
        """
        o = self.options
        with torch.autocast(batch["video"].device.type, enabled=False):  # pictures and spectra need their digits
            pictures, spectrum = self._prepare(batch, rng)
        what_seen, who_seen = self._of_lips(pictures, self.lips.head, self.who_seen)
        what_heard, who_heard = self._of_sound(spectrum, self.sound.head, self.who_heard)
        what, who = ModalityPair(what_heard, what_seen), ModalityPair(who_heard, who_seen)
        times = sample_steps(len(what_seen), what_seen.shape[1], o.candidates, o.spacing, rng)
        if times is not None:
            what, who = (
                ModalityPair(gather_steps(pair.voice, times), gather_steps(pair.face, times)) for pair in (what, who)
            )
        faces = _draw_faces(who.face, rng)
        people = _people(who, faces)
        losses = {}
        if o.content_weight:
            losses["content"] = self.content(*what, times=times)
        if o.identity_weight:
            losses["identity"] = self.identity(*people)
        if o.confusion_weight:
            among_people, among_moments = candidates(people.voice), candidates(who.voice, None, times, o.exclude)
            nobody = self.confusion(*_people(what, faces), self.content.similarity, among_people)
            never = self.confusion(*who, self.identity.similarity, among_moments)
            losses["confusion"] = (nobody + never) / 2
        loss = torch.stack([getattr(o, f"{name}_weight") * value for name, value in losses.items()]).sum()
        found = {name: value.detach() for name, value in losses.items()}
        found["matched"] = top1_within_clip(*what, self.distance)
        found["found"] = top1_within_clip(*people, self.distance)
        if rng is None:
            found |= {"lips": what.face, "sound": what.voice} | self._twice(who)
        return {"loss": loss} | found

    def _ask(self, loss: Multiway, weight: float, *heads: nn.Module) -> None:
        """Gradients of what has a weight alone: processes that train together would wait for the others."""
        if not weight:
            loss.requires_grad_(False)
        for head in heads:
            head.requires_grad_(weight + self.options.confusion_weight > 0)

    def _prepare(self, batch: Mapping[str, Tensor], rng: Generator | None) -> tuple[Tensor, Tensor]:
        """Pictures and spectrum as the encoders take them, disturbed if there is a generator."""
        video, audio = batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        pictures = lip_input(video, "face", self.lips, self.picture_augment, rng)
        if rng is None:
            return pictures, self.spectrum(audio)
        return pictures, augmented_spectrum(self.spectrum, audio, self.sound_augment, rng)

    def _of_lips(self, pictures: Tensor, *heads: nn.Module) -> list[Tensor]:
        """What heads make of pictures, (B, T - 2 context, dim) each."""
        features = self.lips.features(self.lips.normalise(pictures))
        return [self._in_step(head(features), self.lips.context) for head in heads]

    def _of_sound(self, spectrum: Tensor, *heads: nn.Module) -> list[Tensor]:
        """What heads make of a spectrum, (B, T - 2 context, dim) each."""
        features = self.sound.features(self.sound.normalise(spectrum))
        return [self._in_step(head(features), self.sound.context) for head in heads]

    def _in_step(self, embeddings: Tensor, context: int) -> Tensor:
        return align_embeddings(embeddings.transpose(1, 2), self.context - context, self.normalised)

    def _twice(self, who: ModalityPair) -> dict[str, Tensor]:
        """Each clip's voice in two halves, and its face at two moments."""
        middle = max(1, who.voice.shape[1] // 2)
        voices = [self._finish(part.mean(1)) for part in (who.voice[:, :middle], who.voice[:, -middle:])]
        faces = [who.face[:, middle // 2], who.face[:, -middle // 2]]
        return dict(zip(("voice", "voice2", "face", "face2"), (*voices, *faces), strict=True))

    def _finish(self, embeddings: Tensor) -> Tensor:
        return F.normalize(embeddings, dim=-1) if self.normalised else embeddings


def head_like(head: nn.Sequential) -> nn.Sequential:
    """A head of the same shape with weights of its own."""
    other = deepcopy(head)
    for layer in other.modules():
        if isinstance(layer, nn.Conv1d | nn.BatchNorm1d):
            layer.reset_parameters()
    return other


def _draw_faces(seen: Tensor, rng: Generator | None) -> Tensor:
    """(B, 1) moments at which faces are looked at; without a generator the middle one."""
    clips, moments = seen.shape[:2]
    if rng is None:
        return torch.full((clips, 1), moments // 2, device=seen.device)
    return torch.randint(moments, (clips, 1), generator=rng, device=rng.device).to(seen.device)


def _people(pair: ModalityPair, faces: Tensor) -> ModalityPair:
    """One group (1, B, dim) of the clips of all processes: each voice on average, each face at one moment."""
    mine = pair.voice.mean(1), gather_steps(pair.face, faces)[:, 0]
    return ModalityPair(*((gather_processes(x) if torch.is_grad_enabled() else x).unsqueeze(0) for x in mine))
