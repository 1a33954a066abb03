"""Is it one voice in two recordings: score, probability, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import torch

from seehear.media.sound_part import Wanted
from seehear.pretext.identity import SEGMENT_S, IdentityModel
from seehear.score_calibration import ScoreCalibration
from seehear.tools.in_order import Tried, tried
from seehear.tools.pair_list import Pair
from seehear.tools.voiceprint import Voice, voice_in


class SameVoice(StrEnum):
    """The answers; the values are those of the JSON output."""

    SAME = "same-speaker"
    DIFFERENT = "different-speakers"
    CANNOT_TELL = "cannot-tell"

    @property
    def words(self) -> str:
        """For people: without the hyphen."""
        return self.value.replace("-", " ")


@dataclass(frozen=True)
class Compared:
    """What became of a pair.

    Attributes:
        pair: the recordings.
        score: how alike the voices are; of most models the cosine, -1 to 1. None where there is an error.
        calibration: how scores are read; None where there is none.
        speech_s: seconds of speech that were heard in each.
        error: the sentence that says why not.
        cautions: why the threshold and the probability may not hold for these two.
    """

    pair: Pair
    score: float | None = None
    calibration: ScoreCalibration | None = None
    speech_s: tuple[float, float] | None = None
    error: str | None = None
    cautions: tuple[str, ...] = ()

    @property
    def probability(self) -> float | None:
        """That it is one speaker, 0 to 1."""
        return None if self.score is None or not self.calibration else self.calibration.probability(self.score)

    @property
    def verdict(self) -> SameVoice:
        """The more probable of the two."""
        if self.probability is None:
            return SameVoice.CANNOT_TELL
        return SameVoice.SAME if self.probability >= 0.5 else SameVoice.DIFFERENT

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; a pair that could not be compared has the same keys, and ``error``."""
        known, probability = self.calibration, self.probability
        threshold = known.threshold if known else None
        entry: dict[str, Any] = {
            "one": str(self.pair.one),
            "other": str(self.pair.other),
            "verdict": self.verdict.value,
            "score": None if self.score is None else round(self.score, 4),
            "probability": None if probability is None else round(probability, 4),
            "threshold": None if threshold is None else round(threshold, 4),
            "eer": None if not known else round(known.eer, 4),
            "eer_threshold": None if not known else round(known.eer_threshold, 4),
            "measured_on": None if not known else known.data,
            "cautions": list(self.cautions),
            "speech_s": None if self.speech_s is None else [round(seconds, 2) for seconds in self.speech_s],
        }
        if self.pair.target is not None:
            entry["target"] = self.pair.target
        return entry | ({"error": self.error} if self.error else {})


def compare(
    pairs: Iterable[Pair],
    model: IdentityModel,
    calibration: ScoreCalibration | None,
    audio_stream: Wanted | None = None,
) -> Iterator[Compared]:
    """Compare pairs one by one; each recording is heard once. One that cannot be is recorded, the rest go on.

    Args:
        pairs: of recordings.
        model: whose voices are compared.
        calibration: how its scores are read; recordings are heard in segments as long as those it was fitted to.
        audio_stream: which sound of each recording; without it see `seehear.media.sound.read_sound`.
    """
    seconds = calibration.seconds if calibration else SEGMENT_S
    wanted = list(pairs)
    hear = partial(voice_in, model=model, seconds=seconds, audio_stream=audio_stream)
    heard: dict[Path, Tried[Voice]] = {}
    for pair in wanted:
        for path in (pair.one, pair.other):
            if path not in heard:
                heard[path] = tried(path, hear, among_others=len(wanted) > 1)
        one, other = heard[pair.one], heard[pair.other]
        if one.found is None or other.found is None:
            yield Compared(pair, calibration=calibration, error=one.error or other.error)
            continue
        voices = torch.from_numpy(one.found.embedding)[None], torch.from_numpy(other.found.embedding)[None]
        score = float(model.similarity(*voices))
        speech_s = one.found.speech_s, other.found.speech_s
        mixed = (f"{voice.path.name}: {said}" for voice in (one.found, other.found) for said in voice.cautions)
        cautions = (*mixed, *(_cautions(calibration, one.found, other.found) if calibration else ()))
        yield Compared(pair, score, calibration, speech_s, cautions=cautions)


def _cautions(known: ScoreCalibration, *voices: Voice) -> Iterator[str]:
    for voice in voices:
        if voice.narrow:
            seems = "such voices seem more alike than they are"
            yield f"{voice.path.name} holds nothing above 4 kHz, like a telephone: {seems}"
        if voice.speech_s < known.seconds:
            less = f"less than the {known.seconds:g} s that was measured with"
            yield f"{voice.path.name} has {voice.speech_s:.1f} s of speech, {less}"
