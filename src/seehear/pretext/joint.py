"""Joint: one encoder of speech learns what is said and when, who says it, and how it looks. Ours, of no paper.

Three terms on one pass of sound: `sync` (Chung, Kang & Chung 2020, arXiv 2004.14326) tells moments from each other,
`match` (the same) tells people, and `animate` (Shukla et al. 2020, arXiv 2001.04316) draws the mouth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seehear.audio.augment import SoundAugment, SoundAugmentOptions
from seehear.bounds import require_at_least
from seehear.clip import SAMPLES_PER_FRAME
from seehear.encoders import LipsEncoder, Region, full_lips_options, shape
from seehear.encoders.behind import freeze_behind
from seehear.encoders.faces import full_face_options
from seehear.encoders.generator import Generator as FrameGenerator
from seehear.encoders.speech_encoders import SpeechName, full_speech_options, make_speech_encoder
from seehear.encoders.streamed import StreamedSpeech
from seehear.errors import ModelError
from seehear.pretext.animate import AnimateModel, AnimateOptions
from seehear.pretext.augment import PictureAugmentOptions
from seehear.pretext.drawing import Drawing, DrawingOptions, make_generator
from seehear.pretext.hearing import hear
from seehear.pretext.identity import IdentityModel, require_part
from seehear.pretext.lipsync import LipSync
from seehear.pretext.match import of_voices
from seehear.pretext.match_term import MatchTerm, MatchTermOptions
from seehear.pretext.sync_term import SyncTerm, SyncTermOptions


def small_mouths() -> DrawingOptions:
    """What `animate-small` draws."""
    return DrawingOptions(
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
    sync: SyncTermOptions = field(default_factory=SyncTermOptions)
    match: MatchTermOptions = field(default_factory=MatchTermOptions)
    animate: DrawingOptions = field(default_factory=small_mouths)
    sounds: SoundAugmentOptions = field(default_factory=of_voices)

    def __post_init__(self) -> None:
        weights = ("sync_weight", "match_weight", "animate_weight")
        require_at_least("model", self, size=8, dim=1, **dict.fromkeys(weights, 0.0))
        if self.size % 2:
            raise ValueError(f"model.size must be even, not {self.size}: the mouth is half of it")
        if not any(getattr(self, weight) for weight in weights):
            raise ValueError(f"one of model.{', model.'.join(weights)} must be more than 0")
        require_part("model.match.shared", self.match.shared, self.dim)


class JointModel(LipSync, IdentityModel):
    """An encoder of speech with a head for moments, one for people, and a generator of pictures.

    Attributes:
        options: what it was built from.
        config: everything that its config.json says; the key ``model`` rebuilds it.
        view: whole faces; the mouth is cut out of them here.
        sync, match, generator: the terms; None where one has no weight.
    """

    name = "joint"
    Options = JointOptions
    shown = ("matched", "found", "l1", "copied", "sync_loss", "match_loss")
    apart = True
    distance = "cosine"

    def __init__(self, options: JointOptions | None = None) -> None:
        super().__init__()
        self.options = o = options or JointOptions()
        self.config: dict[str, Any] = {"pretext": self.name, "model": _whole(o)}
        self.dim, self.view = o.dim, f"face-{o.size}"
        self.shared = o.match.shared
        self.encoder = make_speech_encoder(o.encoder, o.sound)
        self.sync = SyncTerm(o.sync, self.encoder, o.dim) if o.sync_weight else None
        self.match = MatchTerm(o.match, self.encoder, o.dim) if o.match_weight else None
        self.generator: FrameGenerator | None = None
        if o.animate_weight:
            self.generator = make_generator(o.animate, self.encoder.dim)
        elif self.match and not self.sync:
            freeze_behind(self.encoder, self.match.layer)
        self.drawing = Drawing(o.animate)
        self.sound_augment = SoundAugment(o.sounds)
        self.context = self.sync.context if self.sync else 0

    @classmethod
    def options_from(cls, given: Mapping[str, Any]) -> JointOptions:
        """See `Pretext.options_from`."""
        terms = {"sync": SyncTermOptions, "match": MatchTermOptions, "animate": DrawingOptions}
        told = dict(given)
        for name in terms.keys() & told.keys():
            told[name] = shape(terms[name], _with_pictures(given[name]))
        if "sounds" in given:
            told["sounds"] = SoundAugmentOptions(**given["sounds"])
        options: JointOptions = shape(JointOptions, told)
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
    def lips(self) -> LipsEncoder:  # type: ignore[override]  # it is registered once, in its term
        """See `LipSync`."""
        return self._synced().lips

    def embed_lips(self, video: Tensor, region: Region = "face") -> Tensor:
        """See `LipSync.embed_lips`."""
        return self._synced().embed_lips(video, region)

    def embed_sound(self, audio: Tensor) -> Tensor:
        """See `LipSync.embed_sound`."""
        return self._synced().embed_sound(self.encoder(audio, self.encoder.last))

    @property
    def matching(self) -> nn.Module:
        """See `IdentityModel.matching`."""
        return self._matched().loss

    def embed_voice(self, audio: Tensor) -> Tensor:
        """See `IdentityModel.embed_voice`."""
        match = self._matched()
        return match.embed_voice(self.encoder(audio, match.layer))

    def embed_face(self, faces: Tensor) -> Tensor:
        """See `IdentityModel.embed_face`."""
        return self._matched().embed_face(faces)

    def animator(self) -> AnimateModel:
        """A model that draws with the same networks, shared with this one.

        Raises:
            ModelError: this one has not learned to draw.
        """
        if self.generator is None:
            raise ModelError("this joint model was trained with model.animate_weight 0 and cannot draw")
        o = self.options
        drawn = {entry.name: getattr(o.animate, entry.name) for entry in fields(DrawingOptions)}
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
        features = layers[self.encoder.last]
        found: dict[str, Tensor] = {}
        loss = features.new_zeros((), dtype=torch.float32)
        if self.sync:
            found |= _as(self.sync(features, video, rng), "sync_loss")
            loss = loss + o.sync_weight * found["sync_loss"]
        if self.match:
            again = self._hear(audio, rng) if rng else layers
            found |= _as(self.match(layers, again, video, rng), "match_loss")
            loss = loss + o.match_weight * found["match_loss"]
        if self.generator is not None:
            found |= self.drawing(self.generator, video, features, rng, seen="face")
            loss = loss + o.animate_weight * found["video"]
        kept = {name: value.detach() for name, value in found.items() if not rng or name in self.shown}
        return {"loss": loss} | kept

    def _hear(self, audio: Tensor, rng: Generator | None) -> dict[str, Tensor]:
        """The layers of the encoder of speech, the sound disturbed if there is a generator."""
        with torch.autocast(audio.device.type, enabled=False):
            heard = self.sound_augment.waves(audio, rng) if rng else audio
        return hear(self.encoder, heard, self.sound_augment, rng)

    def _synced(self) -> SyncTerm:
        if self.sync is None:
            raise ModelError("this joint model was trained with model.sync_weight 0 and cannot compare lips and sound")
        return self.sync

    def _matched(self) -> MatchTerm:
        if self.match is None:
            raise ModelError("this joint model was trained with model.match_weight 0 and cannot tell people apart")
        return self.match


def _as(found: dict[str, Tensor], loss: str) -> dict[str, Tensor]:
    """The same with the loss under another name."""
    return {loss if name == "loss" else name: value for name, value in found.items()}


def _with_pictures(given: Mapping[str, Any]) -> dict[str, Any]:
    """A term's options whose disturbance of pictures, if told, is made what it is."""
    pictures = {"pictures": PictureAugmentOptions(**given["pictures"])} if "pictures" in given else {}
    return {**given, **pictures}


def _whole(o: JointOptions) -> dict[str, Any]:
    """Every option, the networks' defaults too, so that a model on disk outlives a change of the defaults."""
    whole = asdict(o) | {"sound": full_speech_options(o.encoder, o.sound)}
    whole["sync"]["lips"] = full_lips_options(o.sync.encoder, {**o.sync.lips, "dim": o.dim})
    whole["match"]["still"] = full_face_options(o.match.face, o.match.still)
    return whole
