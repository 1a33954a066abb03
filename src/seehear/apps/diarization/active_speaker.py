"""One video: faces, their tracks, which of them speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seehear.apps.diarization.hmm import SPEAKING, decode_speech, speaker_posteriors
from seehear.apps.diarization.lip_activity import REACH, FaceTrack, join_pieces, track_agreements
from seehear.apps.embeddings import sound_voice_activity
from seehear.apps.sync.offset import SyncEmbedder
from seehear.clip import FPS
from seehear.errors import SeehearError
from seehear.media.audio_streams import AudioStreamChoice, AudioStreamInfo, describe_others
from seehear.media.clips import ClipOptions, ClipReader, TrackedClip
from seehear.media.sound import Sound, read_all_sounds

MAX_DELAY_MS = 1000 * REACH / FPS


PLAIN = 3.0
"""A delay is accepted if it exceeds the others by this many times their spread; otherwise it is 0."""


MUCH_MORE = 1.5
"""Times the evidence of the sound that a player plays, above which another one is used instead."""


NEAR = 4
"""Pictures: nearer than this to the best delay, others belong to it."""


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DiarizationOptions:
    """Options of a diarization.

    Attributes:
        delay_ms: how late the sound is; None: find out.
        faces: ``yunet`` finds faces; ``whole-frame`` takes every picture to be one face, already cropped.
        detector: the face detector's file.
        sound: audio stream to use; by default the one that agrees best with the lips.
    """

    delay_ms: float | None = None
    faces: Literal["yunet", "whole-frame"] = "yunet"
    detector: Path | None = None
    sound: AudioStreamChoice | None = None

    def __post_init__(self) -> None:
        if self.delay_ms is not None and not abs(self.delay_ms) <= MAX_DELAY_MS:
            raise SeehearError(
                f"--delay-ms must be from -{MAX_DELAY_MS:g} to {MAX_DELAY_MS:g}, not {self.delay_ms:g}; "
                "mend the file with seehear sync --fix first"
            )


@dataclass(frozen=True)
class ActiveSpeakers:
    """The faces of a video, and when each speaks.

    Attributes:
        path: of the video.
        duration_s: its length.
        delay_ms: how late its sound was taken to be.
        tracks: one for each appearance of each face, in order of their start.
        probabilities: of each track: that it speaks at each of its pictures, float64 (T,).
        speaks: of each track: whether it does, bool (T,); see `seehear.apps.diarization.hmm.decode_speech`.
        unseen: the probability that somebody speaks who is not seen, at each picture, float64 (N,).
        reason: why there are no tracks, or why nobody speaks, where that is so.
        sound: the audio stream that was used; None where there is none.
        cautions: what the user should know of how the sound was chosen or mixed, or the picture turned.
        turns: quarters by which the pictures were turned clockwise; tracks are in turned pictures.
        detector: name of the face detector; None where no faces were looked for.
    """

    path: Path
    duration_s: float
    delay_ms: float
    tracks: list[FaceTrack] = field(default_factory=list)
    probabilities: list[Floats] = field(default_factory=list)
    speaks: list[NDArray[np.bool_]] = field(default_factory=list)
    unseen: Floats = field(default_factory=lambda: np.zeros(0))
    reason: str | None = None
    sound: AudioStreamInfo | None = None
    cautions: tuple[str, ...] = ()
    turns: int = 0
    detector: str | None = None


def detect_active_speakers(
    path: Path,
    model: SyncEmbedder,
    options: DiarizationOptions | None = None,
    progress: Callable[[float], None] | None = None,
    threads: int = 0,
    look: Callable[[TrackedClip], None] | None = None,
) -> ActiveSpeakers:
    """Find the faces of a video, and which of them speaks in each frame.

    The pictures are decoded once, in a stream; what is kept of them is 100 bytes a picture and face.

    Args:
        path: any media file.
        model: gives embeddings of lips and sound (`seehear.models.store.load_sync_model`).
        options: how to look.
        progress: called with the share of the file that is done (0..1).
        threads: of the decoder; 0: one a core.
        look: called with every piece of every face, in order of their start.

    Raises:
        MediaError: the file cannot be read.
    """
    options = options or DiarizationOptions()
    crops = ClipOptions(faces=options.faces, detector=options.detector, sound=options.sound)
    with ClipReader(path, crops, threads=threads) as reader:
        duration_s = reader.media.duration_s
        if reader.media.video is None:
            return ActiveSpeakers(path, duration_s, 0.0, reason="there is no video in the file")
        if not reader.media.has_sound:
            return ActiveSpeakers(path, duration_s, 0.0, reason="there is no audio in the file")
        sounds = [reader.sound] if options.sound else read_all_sounds(path, reader.media.zero)
        reader.sound = sounds[0]
        pieces: list[list[FaceTrack]] = []
        for piece in track_agreements(model, _seen(reader, look), sounds):
            pieces.append(piece)
            if progress:
                progress(min(1.0, piece[0].stop / FPS / max(duration_s, 1e-3)))
        name = reader.detector_name
        duration_s = max(reader.media.seen_s, reader.sound.duration_s)  # a header may claim hours that are not there
        if not pieces:
            nothing = reader.stats.empty_reason()
            return ActiveSpeakers(path, duration_s, 0.0, reason=nothing, cautions=reader.sound.cautions, detector=name)
    tracks, sound = _best_sound([join_pieces(of_sound) for of_sound in zip(*pieces, strict=True)], sounds)
    speech = sound_voice_activity(sound)
    delay = estimate_delay(tracks) if options.delay_ms is None else round(options.delay_ms * FPS / 1000)
    speaking = speaker_posteriors(tracks, speech, delay)
    speaks = decode_speech(tracks, speaking.faces)
    return ActiveSpeakers(
        path,
        duration_s,
        delay * 1000 / FPS,
        tracks,
        speaking.faces,
        speaks,
        speaking.unseen,
        None if any(own.any() for own in speaks) else _why_nobody(sound, speech, speaking.unseen),
        sound.part,
        (*sound.cautions, *reader.stats.cautions),
        reader.stats.turns,
        name,
    )


def _best_sound(tracks: Sequence[list[FaceTrack]], sounds: Sequence[Sound]) -> tuple[list[FaceTrack], Sound]:
    """The sound that agrees with the lips, and the evidence of the faces for it.

    The first, which a player would play, gives way only to one that has a plain delay and `MUCH_MORE` evidence for it.
    """
    best = 0
    least = MUCH_MORE * _evidence(tracks[0])[0]
    for place in range(1, len(sounds)):
        evidence, plain = _evidence(tracks[place])
        if plain and evidence > least:
            best, least = place, evidence
    return tracks[best], sounds[best]


def _why_nobody(sound: Sound, speech: NDArray[np.float32], unseen: Floats) -> str:
    """Why no face speaks, in words."""
    others = describe_others(sound.part, sound.others)
    if sound.silent:
        return f"the audio is silent{others}"
    if not (speech > 0).any():
        return f"there is no speech in the sound{others}"
    unseen_s, speech_s = float((unseen >= SPEAKING).sum()) / FPS, float((speech > 0).sum()) / FPS
    if unseen_s > 0:
        return f"for {unseen_s:.1f} s somebody speaks who is not seen: the lips of no face go with it{others}"
    return f"there is {speech_s:.1f} s of speech in the sound, but the lips of no face go with it{others}"


def estimate_delay(tracks: Sequence[FaceTrack]) -> int:
    """The delay at which the faces' lips agree with the sound best, pictures; 0 where none is plain."""
    best, _, plain = _peak(tracks)
    return best - REACH if plain else 0


def _evidence(tracks: Sequence[FaceTrack]) -> tuple[float, bool]:
    """How far the best delay stands above the others, and whether it is plain."""
    return _peak(tracks)[1:]


def _peak(tracks: Sequence[FaceTrack]) -> tuple[int, float, bool]:
    """Place of the best delay, how far it stands above the others, and whether that is plain."""
    total = np.sum([track.agreement.sum(axis=0, dtype=np.float64) for track in tracks], axis=0)
    best = int(total.argmax())
    rest = np.delete(total, np.arange(max(0, best - NEAR), min(len(total), best + NEAR + 1)))
    lead = float(total[best] - rest.max())
    return best, lead, lead > PLAIN * max(float(rest.std()), 1e-6)


def _seen(reader: ClipReader, look: Callable[[TrackedClip], None] | None) -> Iterator[TrackedClip]:
    for sighting in reader.tracked_clips():
        if look:
            look(sighting)
        yield sighting
