"""joint: one speech encoder, three objectives.

Three terms on one pass of sound: `sync` (Chung, Kang & Chung 2020, arXiv 2004.14326) tells moments from each other,
`match` (the same) tells people, and `animate` (Shukla et al. 2020, arXiv 2001.04316) draws the mouth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augmentation import SoundAugmentation, SoundAugmentationOptions
from seehear.clip import SAMPLES_PER_FRAME, Region
from seehear.config import build_options, check_minimums
from seehear.errors import ModelError
from seehear.models.animate import AnimateModel, AnimateOptions, GenerationLoss, GenerationOptions, build_generator
from seehear.models.inputs import encode_augmented
from seehear.models.interface import IdentityModel, LipSyncModel, check_shared_dims
from seehear.models.match import MatchObjective, MatchObjectiveOptions, voice_augmentation
from seehear.models.picture_augmentation import PictureAugmentationOptions
from seehear.models.sync import SyncObjective, SyncObjectiveOptions
from seehear.nn import (
    SpeechName,
    build_speech_encoder,
    complete_face_options,
    complete_lip_options,
    complete_speech_options,
)
from seehear.nn.embed import freeze_unused_layers
from seehear.nn.generator import FrameGenerator
from seehear.nn.interface import LipEncoder, StreamedSpeech


def default_generation() -> GenerationOptions:
    """What `animate-small` draws."""
    return GenerationOptions(
        region="mouth", size=32, colour=False, widths=(32, 48, 64), frames=12, averaged=0.5, video_weight=10.0
    )


@dataclass(frozen=True)
class JointOptions:
    """The joint pretext: its encoder of speech, what it learns, and how much each of that counts.

    Attributes:
        pretext: whose options these are.
        encoder: of speech; where sync is learned, one without recurrent layers and without statistics of the clip.
        sound: options of that encoder that differ from its defaults.
        size: side of the face crops that batches show, in pixels; even.
        dim: width of an embedding, of moments (whatever ``sync.lips`` says) and of people.
        sync_weight: of the moments' loss; 0 leaves their networks out.
        match_weight: of the people's loss; likewise.
        animate_weight: of the drawing's loss; likewise.
        sync: lips and sound of one moment.
        match: voice and face of one person.
        animate: what is drawn.
        sounds: disturbance of the sound. The voice's own length is left alone, since it says who speaks.
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
        check_minimums("model", self, size=8, dim=1, **dict.fromkeys(weights, 0.0))
        if self.size % 2:
            raise ValueError(f"model.size must be even, not {self.size}: the mouth is half of it")
        if not any(getattr(self, weight) for weight in weights):
            raise ValueError(f"one of model.{', model.'.join(weights)} must be more than 0")
        check_shared_dims("model.match.shared", self.match.shared, self.dim)


class JointModel(LipSyncModel, IdentityModel):
    """An encoder of speech with a head for moments, one for people, and a generator of pictures.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: whole faces; the mouth is cut out of them here.
        sync, match, generator: the terms; None where one has no weight.
    """

    name = "joint"
    Options = JointOptions
    logged_metrics = ("matched", "found", "l1", "copied", "sync_loss", "match_loss")
    separate_sources = True
    distance = "cosine"

    def __init__(self, options: JointOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or JointOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": _complete_options(o)}
        self.dim, self.input_view = o.dim, f"face-{o.size}"
        self.shared = o.match.shared
        self.encoder = build_speech_encoder(o.encoder, o.sound)
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

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> JointOptions:
        """See `Pretext.options_from`."""
        terms = {"sync": SyncObjectiveOptions, "match": MatchObjectiveOptions, "animate": GenerationOptions}
        told = dict(given)
        for name in terms.keys() & told.keys():
            told[name] = build_options(terms[name], _with_pictures(given[name]))
        if "sounds" in given:
            told["sounds"] = SoundAugmentationOptions(**given["sounds"])
        options: JointOptions = build_options(JointOptions, told)
        return options

    @property
    def learns(self) -> tuple[str, ...]:
        """The terms that have a weight: sync, match, animate."""
        return tuple(name for name in ("sync", "match", "animate") if getattr(self.options, f"{name}_weight"))

    @property
    def speech(self) -> StreamedSpeech:
        """The encoder of sound."""
        return self.encoder

    @property
    def lips(self) -> LipEncoder:  # type: ignore[override]  # it is registered once, in its term
        """See `LipSyncModel`."""
        return self._sync_objective().lips

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSync.embed_lips`."""
        return self._sync_objective().embed_lips(video, region)

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSync.embed_sound`."""
        return self._sync_objective().embed_sound(self.encoder(audio, self.encoder.last_layer))

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self._match_objective().loss

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        match = self._match_objective()
        return match.embed_voice(self.encoder(audio, match.layer))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`."""
        return self._match_objective().embed_face(faces)

    def animator(self) -> AnimateModel:
        """A model that draws with the same networks, shared with this one.

        Raises:
            ModelError: this one has not learned to draw.
        """
        if self.generator is None:
            raise ModelError("this joint model was trained with model.animate_weight 0 and cannot draw")
        o = self.options
        drawn = {entry.name: getattr(o.animate, entry.name) for entry in fields(GenerationOptions)}
        model = AnimateModel(AnimateOptions(encoder=o.encoder, sound=o.sound, sounds=o.sounds, **drawn))
        model.encoder, model.generator = self.encoder, self.generator
        model.config |= {"trained": self.config.get("trained", {})}
        return model.train(self.training)

    def forward(self, batch: Mapping[str, Tensor], rng: Generator | None = None) -> dict[str, Tensor]:
        """One training step's loss.

        Args:
            batch: clips of one length, ``video`` whole faces (B, T, S, S, 3) and ``audio``; those of others are each
                clip's candidates for its face.
            rng: where everything is drawn from; without one nothing is disturbed, and all frames are drawn.

        Returns:
            ``loss``; of sync ``sync_loss`` and ``matched``, the share of moments that find their lips; of match
            ``match_loss`` and ``found``, the share of voices that find their face; of animate ``l1`` and ``copied``,
            see `AnimateModel`; and without ``rng`` what was compared: ``lips`` and ``sound``, ``voice``, ``face``,
            ``voice2`` and ``face2``, ``drawn`` and ``real``.
        """
        o, video, audio = self.options, batch["video"], batch["audio"].float()
        if audio.shape[1] != video.shape[1] * SAMPLES_PER_FRAME:
            raise ValueError(f"{video.shape[1]} frames come with {audio.shape[1]} samples of sound")
        layers = self._hear(audio, rng)
        features = layers[self.encoder.last_layer]
        found: dict[str, Tensor] = {}
        loss = features.new_zeros((), dtype=torch.float32)
        if self.sync:
            found |= _rename_loss(self.sync(features, video, rng), "sync_loss")
            loss = loss + o.sync_weight * found["sync_loss"]
        if self.match:
            again = self._hear(audio, rng) if rng else layers
            found |= _rename_loss(self.match(layers, again, video, rng), "match_loss")
            loss = loss + o.match_weight * found["match_loss"]
        if self.generator is not None:
            found |= self.drawing(self.generator, video, features, rng, seen="face")
            loss = loss + o.animate_weight * found["video"]
        kept = {name: value.detach() for name, value in found.items() if not rng or name in self.logged_metrics}
        return {"loss": loss} | kept

    def _hear(self, audio: Tensor, rng: Generator | None) -> dict[str, Tensor]:
        """The layers of the encoder of speech, the sound disturbed if there is a generator."""
        with torch.autocast(audio.device.type, enabled=False):
            heard = self.sound_augment.augment_waveform(audio, rng) if rng else audio
        return encode_augmented(self.encoder, heard, self.sound_augment, rng)

    def _sync_objective(self) -> SyncObjective:
        if self.sync is None:
            raise ModelError("this joint model was trained with model.sync_weight 0 and cannot compare lips and sound")
        return self.sync

    def _match_objective(self) -> MatchObjective:
        if self.match is None:
            raise ModelError("this joint model was trained with model.match_weight 0 and cannot tell people apart")
        return self.match


def _rename_loss(found: dict[str, Tensor], loss: str) -> dict[str, Tensor]:
    """The same with the loss under another name."""
    return {loss if name == "loss" else name: value for name, value in found.items()}


def _with_pictures(given: Mapping[str, Any]) -> dict[str, Any]:
    """A term's options whose disturbance of pictures, if told, is made what it is."""
    pictures = {"pictures": PictureAugmentationOptions(**given["pictures"])} if "pictures" in given else {}
    return {**given, **pictures}


def _complete_options(o: JointOptions) -> dict[str, Any]:
    """Every option, the networks' defaults too, so that a model on disk outlives a change of the defaults."""
    whole = asdict(o) | {"sound": complete_speech_options(o.encoder, o.sound)}
    whole["sync"]["lips"] = complete_lip_options(o.sync.encoder, {**o.sync.lips, "dim": o.dim})
    whole["match"]["still"] = complete_face_options(o.match.face, o.match.still)
    return whole
