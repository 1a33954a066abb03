"""The joint model: one speech encoder, three objectives.

The three losses share the audio features: `sync` (Chung, Kang & Chung 2020, arXiv 2004.14326) distinguishes time steps,
`match` (the same paper) distinguishes people, and `animate` (Shukla et al. 2020, arXiv 2001.04316) generates the mouth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region
from seehear.config import check_minimums, check_names, options_to_dict
from seehear.errors import ModelError
from seehear.models.animate import AnimateModel, AnimateOptions, GenerationLoss, GenerationOptions, build_generator
from seehear.models.inputs import encode_augmented
from seehear.models.interface import IdentityModel, LipSyncModel, check_shared_dims
from seehear.models.match import MatchObjective, MatchObjectiveOptions, voice_augmentation
from seehear.models.sync import SyncObjective, SyncObjectiveOptions
from seehear.models.validation import JointValidation
from seehear.nn import (
    SpeechName,
    build_encoder,
    complete_options,
)
from seehear.nn.embed import freeze_unused_layers
from seehear.nn.generator import FrameGenerator
from seehear.nn.interface import LipEncoder, StreamedSpeech


def default_generation() -> GenerationOptions:
    """The generation options of `animate-small`."""
    return GenerationOptions(
        region="mouth", size=32, colour=False, widths=(32, 48, 64), frames=12, averaged=0.5, video_weight=10.0
    )


@dataclass(frozen=True)
class JointOptions:
    """Options of the joint model: speech encoder, objectives and their weights.

    Attributes:
        pretext: the model that these options belong to.
        encoder: name of the speech encoder; for sync, one without recurrent layers and clip statistics.
        sound: options of the encoder that differ from its defaults.
        size: side of the face crops in batches, in pixels; even.
        dim: width of an embedding, of time steps (overrides ``sync.lips``) and of people.
        sync_weight: weight of the sync loss; 0 leaves out its networks.
        match_weight: weight of the match loss; likewise.
        animate_weight: weight of the animate loss; likewise.
        sync: options of the sync objective.
        match: options of the match objective.
        animate: options of the animate objective.
        sounds: augmentation of the audio. Vocal tract length is not augmented, as it identifies the speaker.
    """

    pretext: Literal["joint"] = "joint"
    encoder: SpeechName = "small"
    sound: dict[str, Any] = field(default_factory=dict)
    size: int = 96
    dim: int = 128
    sync_weight: float = 1.0
    match_weight: float = 1.0
    animate_weight: float = 1.0
    sync: SyncObjectiveOptions = field(default_factory=SyncObjectiveOptions)
    match: MatchObjectiveOptions = field(default_factory=MatchObjectiveOptions)
    animate: GenerationOptions = field(default_factory=default_generation)
    sounds: SoundAugmentationOptions = field(default_factory=voice_augmentation)

    def __post_init__(self) -> None:
        weights = ("sync_weight", "match_weight", "animate_weight")
        check_names(self)
        check_minimums("model", self, size=8, dim=1, **dict.fromkeys(weights, 0.0))
        if self.size % 2:
            raise ValueError(f"model.size must be even, not {self.size}: the mouth is half of it")
        if not any(getattr(self, weight) for weight in weights):
            raise ValueError(f"one of model.{', model.'.join(weights)} must be more than 0")
        check_shared_dims("model.match.shared", self.match.shared, self.dim)


class JointModel(LipSyncModel, IdentityModel):
    """A speech encoder with a sync head, a match head and a frame generator.

    Attributes:
        options: options of the model.
        config: contents of its config.json; the key ``model`` rebuilds it.
        view: whole faces; the mouth is cropped here.
        sync, match, generator: networks of the objectives; None if its weight is 0.
    """

    name = "joint"
    Options = JointOptions
    summary = "sync, match and animate with one speech encoder"
    paper = "Chung, Kang & Chung 2020, arXiv 2004.14326; Shukla et al. 2020, arXiv 2001.04316"
    validation = JointValidation
    logged_metrics = ("matched", "found", "l1", "copied", "sync_loss", "match_loss")
    separate_sources = True
    distance = "cosine"

    def __init__(self, options: JointOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or JointOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": _complete_options(o)}
        self.dim, self.input_view = o.dim, f"face-{o.size}"
        self.shared = o.match.shared
        self.encoder = build_encoder("speech", o.encoder, o.sound)
        self.sync = SyncObjective(o.sync, self.encoder, o.dim) if o.sync_weight else None
        self.match = MatchObjective(o.match, self.encoder, o.dim) if o.match_weight else None
        self.generator: FrameGenerator | None = None
        if o.animate_weight:
            self.generator = build_generator(o.animate, self.encoder.dim)
        elif self.match and not self.sync:
            freeze_unused_layers(self.encoder, self.match.layer)
        self.drawing = GenerationLoss(o.animate)
        self.sound_augment = SoundAugmentation(o.sounds)
        self.context = self.sync.context if self.sync else 0

    @property
    def learns(self) -> tuple[str, ...]:
        """The objectives with a weight: sync, match, animate."""
        return tuple(name for name in ("sync", "match", "animate") if getattr(self.options, f"{name}_weight"))

    @property
    def speech(self) -> StreamedSpeech:
        """The audio encoder."""
        return self.encoder

    @property
    def lips(self) -> LipEncoder:  # type: ignore[override]  # it is registered once, in its objective
        """See `LipSyncModel`."""
        return self._require_sync().lips

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSyncModel.embed_lips`."""
        return self._require_sync().embed_lips(video, region)

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSyncModel.embed_sound`."""
        return self._require_sync().embed_sound(self.encoder(audio, self.encoder.last_layer))

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self._require_match().loss

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        match = self._require_match()
        return match.embed_voice(self.encoder(audio, match.layer))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`."""
        return self._require_match().embed_face(faces)

    @property
    def generated_region(self) -> Region:
        """Region shown by the generated frames."""
        return self.options.animate.region

    def animator(self) -> AnimateModel:
        """An animate model that shares its networks with this one.

        Raises:
            ModelError: this model was trained without the animate objective
        """
        if self.generator is None:
            raise ModelError(
                "this joint model was trained with model.animate_weight 0 and cannot draw", code="cannot-draw"
            )
        o = self.options
        generation = {entry.name: getattr(o.animate, entry.name) for entry in fields(GenerationOptions)}
        model = AnimateModel(AnimateOptions(encoder=o.encoder, sound=o.sound, sounds=o.sounds, **generation))
        model.encoder, model.generator = self.encoder, self.generator
        model.config |= {"trained": self.config.get("trained", {})}
        return model.train(self.training)

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """Compute the loss of one training step.

        Args:
            batch: clips of one length, ``video`` of whole faces (B, T, S, S, 3) and ``audio``. Match compares each clip
                with all others.
            rng: source of all random choices; without one there is no augmentation, and all frames are generated.

        Returns:
            ``loss``; of sync ``sync_loss`` and ``matched``, the fraction of audio steps whose nearest lips are their
            own; of match ``match_loss`` and ``found``, the fraction of voices whose nearest face is their own; of
            animate ``l1`` and ``copied``, see `AnimateModel`; and without ``rng`` the embeddings and frames: ``lips``,
            ``sound``, ``voice``, ``face``, ``voice2``, ``face2``, ``drawn`` and ``real``.
        """
        o, video, audio = self.options, batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} video frames do not match {audio.shape[1]} audio samples")
        layers = self._encode(audio, rng)
        features = layers[self.encoder.last_layer]
        outputs: dict[str, Tensor] = {}
        loss = features.new_zeros((), dtype=torch.float32)
        if self.sync:
            outputs |= _renamed(self.sync(features, video, rng), loss="sync_loss")
            loss = loss + o.sync_weight * outputs["sync_loss"]
        if self.match:
            second_layers = self._encode(audio, rng) if rng else layers
            outputs |= _renamed(self.match(layers, second_layers, video, rng), loss="match_loss", matched="found")
            loss = loss + o.match_weight * outputs["match_loss"]
        if self.generator is not None:
            outputs |= self.drawing(self.generator, video, features, rng, seen="face")
            loss = loss + o.animate_weight * outputs["video"]
        kept = {name: value.detach() for name, value in outputs.items() if not rng or name in self.logged_metrics}
        return {"loss": loss} | kept

    def _encode(self, audio: Tensor, rng: Generator | None) -> dict[str, Tensor]:
        """The layers of the speech encoder; the audio is augmented if there is a generator."""
        with torch.autocast(audio.device.type, enabled=False):
            augmented = self.sound_augment.augment_waveform(audio, rng) if rng else audio
        return encode_augmented(self.encoder, augmented, self.sound_augment, rng)

    def _require_sync(self) -> SyncObjective:
        if self.sync is None:
            raise ModelError("this joint model was trained with model.sync_weight 0 and cannot compare lips and audio")
        return self.sync

    def _require_match(self) -> MatchObjective:
        if self.match is None:
            raise ModelError("this joint model was trained with model.match_weight 0 and cannot tell people apart")
        return self.match


def _renamed(outputs: dict[str, Tensor], **names: str) -> dict[str, Tensor]:
    """Outputs of an objective, renamed so that they do not collide with those of the others."""
    return {names.get(name, name): value for name, value in outputs.items()}


def _complete_options(o: JointOptions) -> dict[str, Any]:
    """Every option, encoder defaults included, so that saved models survive a change of the defaults."""
    whole = options_to_dict(o) | {"sound": complete_options("speech", o.encoder, o.sound)}
    whole["sync"]["lips"] = complete_options("lips", o.sync.encoder, {**o.sync.lips, "dim": o.dim})
    whole["match"]["still"] = complete_options("face", o.match.face, o.match.still)
    return whole
