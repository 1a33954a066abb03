"""Who speaks when: a hidden Markov model of all evidence.

At each picture the scene is in one of these states: nobody speaks; somebody speaks who is not seen; one of the faces
speaks; two of them do. The sound tells speech from silence, the lips of each face tell its own voice from others'. From
one picture to the next the state stays or is sampled again from the prior. What comes out for
every face is the probability, given the whole video, that it speaks (forward-backward algorithm, Rabiner 1989, "A
tutorial on hidden Markov models", section III).

The coefficients were fitted to synthetic people side by side, see `EvidenceWeights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from seehear.apps.diarization.lip_activity import REACH, FaceTrack
from seehear.audio.voice_activity import PAUSE, true_runs

Floats = NDArray[np.float64]


State = tuple[int, ...]
"""Places in the list of tracks of those who speak, in rising order; (): nobody, `UNSEEN`: somebody who is not seen."""


UNSEEN: State = (-1,)


MAX_IN_PAIRS = 8
"""With more faces in a picture than this, only one at a time is taken to speak: pairs would be too many."""


AROUND = 3
"""Pictures, a Gaussian's deviation, over which a mouth's motion counts together."""


NO_MOTION = 0.03
"""Added to the motion of a mouth, as a share of that of its liveliest tenth: a logarithm wants more than nothing."""


SURE = 8.0
"""Largest log-odds of speech that are believed."""


SPEAKING = 0.5
"""From this probability on a face is said to speak."""


@dataclass(frozen=True)
class EvidenceWeights:
    """What each kind of evidence counts, in logarithms of odds a picture.

    Attributes:
        speech: on the log-odds that there is speech in the sound.
        heard: log-odds above which the sound speaks for speech.
        lips: on the agreement of a face's lips with the sound (see `seehear.apps.sync.offset.AgreementCurve`), which is
            less than
            its own logarithm of probability, because neighbouring pictures say nearly the same.
        least: agreement above which lips speak for a face.
        still: on how little its mouth moves, in logarithms of its liveliest tenth; a mouth that moves tells nothing.
        lively: share of its liveliest tenth, as a logarithm, below which a mouth is still.
        change: probability that the state is sampled again.
        silent, unseen, together: how usual it is that nobody speaks, somebody who is not seen, two at the same time;
            all else is shared by the faces.
    """

    speech: float = 1.5
    voice: float = 0.33
    lips: float = 0.31
    threshold: float = 1.16
    still: float = 0.29
    lively: float = -0.52
    change: float = 0.027
    silent: float = 0.25
    unseen: float = 0.16
    together: float = 0.013


DEFAULT_WEIGHTS = EvidenceWeights()


@dataclass(frozen=True)
class SpeakerPosteriors:
    """Who speaks in each frame of a video.

    Attributes:
        faces: of each track, the probability that it speaks at each of its pictures, float64 (T,).
        unseen: probability that somebody outside of the frame speaks, in each frame, float64 (N,).
    """

    faces: list[Floats]
    unseen: Floats


def speaker_posteriors(
    tracks: Sequence[FaceTrack], speech: NDArray[np.floating], delay: int = 0, scales: EvidenceWeights = DEFAULT_WEIGHTS
) -> SpeakerPosteriors:
    """The probability that each face speaks, at each of its pictures.

    Args:
        tracks: of all faces of a video.
        speech: log-odds that there is speech in the audio of each frame, (N,).
        delay: of the audio, in frames; positive: it is late. At most `REACH` either way.
        scales: what counts how much.

    Raises:
        ValueError: a delay that the evidence does not hold.
    """
    if abs(delay) > REACH:
        raise ValueError(f"the evidence covers delays of up to {REACH} frames, not {delay}")
    frames = max([len(speech), *(track.stop for track in tracks)])
    heard = scales.speech * (_moved(np.asarray(speech, np.float64), frames, delay) - scales.voice)
    lips = [_for_speaking(track, delay, scales) for track in tracks]
    spans = list(_spans(tracks, frames))
    seen = [_seen(span, tracks, heard, lips) for span in spans]
    forward, backward = _forward(spans, seen, scales), _backward(spans, seen, scales)
    faces, unseen = [np.zeros(len(evidence)) for evidence in lips], np.zeros(frames)
    for (start, stop, states), alpha, beta in zip(spans, forward, backward, strict=True):
        likely = alpha * beta
        likely /= likely.sum(1, keepdims=True)
        for column, state in enumerate(states):
            if state == UNSEEN:
                unseen[start:stop] = likely[:, column]
                continue
            for place in state:
                first = tracks[place].start
                faces[place][start - first : stop - first] += likely[:, column]
    return SpeakerPosteriors(faces, unseen)


def _for_speaking(track: FaceTrack, delay: int, scales: EvidenceWeights) -> Floats:
    """What the pictures of a face say for its speaking, logarithms of odds, (T,)."""
    evidence = scales.lips * (lip_evidence(track, delay) - scales.threshold)
    if track.motion is None:
        return evidence
    liveliest = max(float(np.quantile(track.motion, 0.9)), 1e-6)
    lively = np.log(gaussian_filter1d(track.motion / liveliest, AROUND) + NO_MOTION)
    return np.asarray(evidence + scales.still * np.minimum(0, lively - scales.lively))


def lip_evidence(track: FaceTrack, delay: int) -> Floats:
    """Agreement of a face's lips with the audio at the video's delay, (T,): about 0 for other speech."""
    middle = REACH + delay
    around = track.agreement[:, max(0, middle - 1) : middle + 2]
    return np.asarray(around.max(1), np.float64)


def decode_speech(tracks: Sequence[FaceTrack], faces: Sequence[Floats]) -> list[NDArray[np.bool_]]:
    """Whether each face speaks at each of its pictures, (T,) each.

    It does from a probability of `SPEAKING` on, and in pauses of up to `PAUSE_S` between two such segments, as long as
    no other face speaks in them: the rule of NIST's scoring of who spoke when.
    """
    speaks = [probability >= SPEAKING for probability in faces]
    talk = np.zeros(max((track.stop for track in tracks), default=0), bool)
    for track, own in zip(tracks, speaks, strict=True):
        talk[track.start : track.stop] |= own
    filled = []
    for track, own in zip(tracks, speaks, strict=True):
        whole, others = own.copy(), talk[track.start : track.stop] & ~own
        for (_, stop), (start, _) in pairwise(true_runs(own)):
            if start - stop <= PAUSE and not others[stop:start].any():
                whole[stop:start] = True
        filled.append(whole)
    return filled


def _moved(speech: Floats, frames: int, delay: int) -> Floats:
    """Log-odds of speech in the audio of each of n frames; silence where there is none."""
    moved = np.full(frames, -SURE)
    at = np.arange(frames) + delay
    inside = (at >= 0) & (at < len(speech))
    moved[inside] = np.clip(speech[at[inside]], -SURE, SURE)
    return moved


Span = tuple[int, int, list[State]]
"""First and last (exclusive) frame of a segment with the same faces throughout, and the states that are possible."""


def _spans(tracks: Sequence[FaceTrack], frames: int) -> Iterator[Span]:
    edges = sorted({0, frames, *(track.start for track in tracks), *(track.stop for track in tracks)})
    for start, stop in pairwise(edges):
        seen = [place for place, track in enumerate(tracks) if track.start <= start < track.stop]
        pairs = list(combinations(seen, 2)) if len(seen) <= MAX_IN_PAIRS else []
        yield start, stop, [(), UNSEEN, *((place,) for place in seen), *pairs]


def _stationary_distribution(states: Sequence[State], scales: EvidenceWeights) -> Floats:
    """How usual each of the states is."""
    share = {(): scales.silent, UNSEEN: scales.unseen}
    alone = sum(len(state) == 1 and state != UNSEEN for state in states)
    pairs = sum(len(state) == 2 for state in states)
    rest = 1 - scales.silent - scales.unseen - (scales.together if pairs else 0)
    usual = [
        share.get(state, rest / max(alone, 1) if len(state) == 1 else scales.together / max(pairs, 1))
        for state in states
    ]
    return np.asarray(usual) / sum(usual)


def _seen(span: Span, tracks: Sequence[FaceTrack], heard: Floats, lips: Sequence[Floats]) -> Floats:
    """Likelihood of video and audio in each frame of a span in each state, (T, states), the largest 1."""
    start, stop, states = span
    logs = np.zeros((stop - start, len(states)))
    for column, state in enumerate(states):
        if state:
            logs[:, column] = heard[start:stop]
        for place in state if state != UNSEEN else ():
            first = tracks[place].start
            logs[:, column] += lips[place][start - first : stop - first]
    return np.asarray(np.exp(logs - logs.max(1, keepdims=True)))


def _forward(spans: Sequence[Span], likely: Sequence[Floats], scales: EvidenceWeights) -> list[Floats]:
    """Probability of each state given video and audio up to each frame, (T, states) a span."""
    passed: list[Floats] = []
    before: dict[State, float] = {}
    for (_, _, states), seen in zip(spans, likely, strict=True):
        usual = _stationary_distribution(states, scales)
        kept = np.array([before.get(state, 0.0) for state in states])
        now = _next(kept, usual, scales.change) + usual * (1 - kept.sum())  # a speaker who has left is sampled again
        rows = np.empty_like(seen)
        for row, here in enumerate(seen):
            now = (_next(now, usual, scales.change) if row else now) * here
            rows[row] = now = now / now.sum()
        passed.append(rows)
        before = dict(zip(states, now.tolist(), strict=True))
    return passed


def _next(now: Floats, usual: Floats, change: float) -> Floats:
    """Probabilities one picture later."""
    return np.asarray((1 - change) * now + change * now.sum() * usual)


def _backward(spans: Sequence[Span], likely: Sequence[Floats], scales: EvidenceWeights) -> list[Floats]:
    """Likelihood of what comes after each picture given the state there, (T, states) a span, in units of its own."""
    passed: list[Floats] = []
    after: dict[State, float] = {}
    drawn = 1.0  # the same, given that the state is sampled again
    for (_, _, states), seen in zip(reversed(spans), reversed(likely), strict=True):
        usual, change = _stationary_distribution(states, scales), scales.change
        now = np.array([(1 - change) * after[state] + change * drawn if state in after else drawn for state in states])
        rows = np.empty_like(seen)
        for row in range(len(seen) - 1, -1, -1):
            rows[row] = now
            here = now * seen[row] / now.max()
            drawn = float(usual @ here)
            now = (1 - change) * here + change * drawn
        passed.append(rows)
        after = dict(zip(states, here.tolist(), strict=True))
    return passed[::-1]
