"""The voice of a recording: the mean embedding of what is spoken in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.audio.bandwidth import is_narrow
from seehear.clip import FPS, SAMPLE_RATE
from seehear.errors import MediaError
from seehear.media.decode import open_media
from seehear.media.sound import Sound, read_sound
from seehear.media.sound_part import Wanted, others_in_words
from seehear.pretext.identity import SEGMENT_S, IdentityModel
from seehear.tools.conversation import speech_in
from seehear.tools.turns import PAUSE, runs

LEAST_SPEECH_S = 0.5
"""With less speech than this nobody's voice is known."""

MOST_SPEECH_S = 120.0
"""More than this makes no difference any more; the first so many seconds are heard."""

Span = tuple[float, float]
"""Beginning and end of a stretch of speech, s."""


@dataclass(frozen=True)
class Voice:
    """What is heard of one person.

    Attributes:
        path: of the recording.
        speech_s: seconds of speech in it that were heard.
        embedding: float32 (dim,); of length 1 where the model compares by cosine.
        narrow: it holds nothing above 4 kHz, as telephone speech does.
        cautions: what there is to know of how its sound was chosen or mixed.
    """

    path: Path
    speech_s: float
    embedding: NDArray[np.float32]
    narrow: bool = False
    cautions: tuple[str, ...] = ()


def voice_in(path: Path, model: IdentityModel, seconds: float = SEGMENT_S, audio_stream: Wanted | None = None) -> Voice:
    """The voice of a recording, or of a video's sound, in which one person speaks.

    Args:
        path: of the recording.
        model: whose embedding it is.
        seconds: of sound in a segment.
        audio_stream: which sound of the file; without it see `read_sound`.

    Raises:
        MediaError: it cannot be read, has no sound, no speech, or less than `LEAST_SPEECH_S` of it.
    """
    with open_media(path) as media:
        if not media.has_sound:
            raise MediaError(f"{path} has no sound; give a recording of speech, or a video that has some")
    sound = read_sound(path, wanted=audio_stream)
    spans = speech_spans(sound)
    others = others_in_words(sound.part, sound.others)
    speech_s = sum(stop - start for start, stop in spans)
    if not spans:
        why = f"{path} is silent" if sound.silent else f"there is no speech in {path}"
        raise MediaError(f"{why}; give a recording in which somebody speaks{others}")
    if speech_s < LEAST_SPEECH_S:
        raise MediaError(
            f"{path} has only {speech_s:.2f} s of speech, too short to know a voice by; give at least "
            f"{LEAST_SPEECH_S:g} s, better 2 s and more{others}"
        )
    start, stop = spans[0]
    narrow = is_narrow(sound.between(start, min(stop, start + MOST_SPEECH_S)))
    return Voice(path, speech_s, voiceprint(sound, spans, model, seconds), narrow, sound.cautions)


def speech_spans(sound: Sound) -> list[Span]:
    """Where somebody speaks in a recording; pauses as short as `seehear.tools.turns.PAUSE` belong to it."""
    speech = speech_in(sound) > 0
    for (_, stop), (start, _) in pairwise(runs(speech)):
        if start - stop <= PAUSE:
            speech[stop:start] = True
    return [(start / FPS, stop / FPS) for start, stop in runs(speech)]


def voiceprint(
    sound: Sound, spans: Iterable[Span], model: IdentityModel, seconds: float = SEGMENT_S
) -> NDArray[np.float32]:
    """Mean embedding of the segments of what is heard in these stretches together, (dim,)."""
    parts, left = [], MOST_SPEECH_S
    for start, stop in spans:
        parts.append(sound.between(start, min(stop, start + left)))
        left -= len(parts[-1]) / SAMPLE_RATE
        if left <= 0:
            break
    segments = model.embed_segments(np.concatenate(parts), SAMPLE_RATE, seconds)
    return model.mean(torch.from_numpy(segments)).numpy()
