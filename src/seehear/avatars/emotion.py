"""Emotions in face and voice; pose, blinks, brows and intensity over time.

The voice follows the literature on vocal affect: directions of pitch, range, rate, loudness, high-frequency energy and
tremor as in Banse & Scherer 1996 and Juslin & Laukka 2003, formants of smiled speech as in Tartter 1980, roughness of
anger as in Arnal et al. 2015. Magnitudes at full strength are meant to be those of acted speech.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from seehear.audio.recording import RecordingConditions, Samples
from seehear.avatars.person import SpeakingStyle
from seehear.avatars.visemes import Articulation
from seehear.avatars.voice import PITCH_STEP, SyntheticVoice
from seehear.clip import FPS, SAMPLE_RATE

Curve = NDArray[np.float32]
"""One value per frame, (frames,)."""


def smooth_curve(curve: Curve, seconds: float) -> Curve:
    """Smooth a curve in time by a Gaussian with this standard deviation in seconds."""
    reach = int(3 * seconds * FPS) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (seconds * FPS)) ** 2)
    return np.convolve(np.pad(curve, reach, mode="edge"), kernel / kernel.sum(), "valid").astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion:
    """Effects of an emotion at full strength.

    Attributes:
        brow_inner, brow_outer: raised (> 0) or lowered ends of the brows.
        lids: opening of the lids, 1 is neutral.
        smile: corners of the mouth up (> 0) or down.
        part: opening of the lips in addition to speech.
        effort: factor on articulation.
        restless: factor on head movement.
        pitch: pitch shift in octaves.
        pitch_range, rate, tract: factors; tract is on the formants, up with a smile, down with protruded lips.
        loud: level in decibels.
        tilt: spectral tilt in decibels per octave: pressed voices are bright, slack ones dull.
        breath: additional breath noise in decibels.
        tremor: tremor of pitch and loudness, at 4 to 7 Hz, 0..1.
        rough: irregularity between cycles of the vocal folds, 0..1.
    """

    brow_inner: float = 0.0
    brow_outer: float = 0.0
    lids: float = 1.0
    smile: float = 0.0
    part: float = 0.0
    effort: float = 1.0
    restless: float = 1.0
    pitch: float = 0.0
    pitch_range: float = 1.0
    rate: float = 1.0
    tract: float = 1.0
    loud: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    tremor: float = 0.0
    rough: float = 0.0


# fmt: off
EMOTIONS = {
    "neutral": Emotion(),
    "happy": Emotion(
        brow_inner=0.2, brow_outer=0.35, lids=0.85, smile=1.2, part=0.5,
        effort=1.1, restless=1.4,
        pitch=0.42, pitch_range=1.6, rate=1.12, tract=1.08,
        loud=4.0, tilt=1.5, breath=-2.0,
    ),
    "sad": Emotion(
        brow_inner=0.9, brow_outer=-0.45, lids=0.72, smile=-0.9,
        effort=0.75, restless=0.7,
        pitch=-0.25, pitch_range=0.4, rate=0.77, tract=0.95,
        loud=-7.0, tilt=-4.0, breath=9.0, tremor=0.15,
    ),
    "angry": Emotion(
        brow_inner=-1.0, brow_outer=0.15, lids=0.95, smile=-0.5, part=0.6,
        effort=1.3, restless=1.5,
        pitch=0.45, pitch_range=1.35, rate=1.15,
        loud=8.0, tilt=4.5, breath=-6.0, rough=0.8,
    ),
    "fear": Emotion(
        brow_inner=1.0, brow_outer=0.5, lids=1.32, smile=-0.3, part=0.6,
        effort=0.95, restless=1.2,
        pitch=0.6, pitch_range=0.75, rate=1.25,
        tilt=1.5, breath=6.0, tremor=1.0,
    ),
    "disgust": Emotion(
        brow_inner=-0.65, brow_outer=-0.25, lids=0.65, smile=-0.7, part=0.4,
        effort=0.9,
        pitch=-0.2, pitch_range=0.8, rate=0.85, tract=0.93,
        breath=2.0, rough=0.7,
    ),
    "surprise": Emotion(
        brow_inner=1.1, brow_outer=1.1, lids=1.38, smile=0.05, part=0.7,
        effort=1.2, restless=1.3,
        pitch=0.5, pitch_range=1.9, rate=0.97, tract=1.02,
        loud=4.0, tilt=2.0, breath=3.0,
    ),
}


# fmt: on


def emotional_voice(voice: SyntheticVoice, emotion: Emotion, strength: float) -> SyntheticVoice:
    """Apply an emotion with a strength of 0..1 to a voice, as far as eSpeak supports it."""
    return replace(
        voice,
        pitch=min(98.0, max(2.0, voice.pitch + strength * emotion.pitch / PITCH_STEP)),
        pitch_range=min(99.0, voice.pitch_range * emotion.pitch_range**strength),
        words_per_minute=voice.words_per_minute * emotion.rate**strength,
        tract=voice.tract * emotion.tract**strength,
    )


def emotional_articulation(articulation: Articulation, emotion: Emotion, strength: float) -> Articulation:
    """Apply an emotion with a strength of 0..1 to the articulation."""
    return replace(articulation, effort=articulation.effort * emotion.effort**strength)


def emotional_recording(
    room: RecordingConditions, emotion: Emotion, strength: float, voice: SyntheticVoice | None = None
) -> RecordingConditions:
    """Apply an emotion with a strength of 0..1 to the recording: louder speech has a better signal-to-noise ratio.

    The breath noise of the ``voice`` itself is added.
    """
    loud = strength * emotion.loud
    return replace(
        room,
        level_db=min(-10.0, room.level_db + loud),
        snr_db=room.snr_db + loud,
        breath_db=min(-8.0, room.breath_db + strength * emotion.breath + (voice.breath if voice else 0.0)),
    )


LEVEL_HZ = 500.0
"""Frequency at which a spectral tilt has no gain: near the first formant, which carries most of the energy."""


MAX_TILT_DB = 16.0
"""Maximum absolute gain of a tilt."""


TREMOR_PITCH, TREMOR_LOUDNESS = 0.035, 0.35
"""Relative deviation of pitch and loudness at full tremor."""


ROUGH_PITCH, ROUGH_LOUDNESS = 0.018, 0.55
"""Likewise for roughness, whose modulation lies between 30 and 75 Hz (Arnal et al. 2015: 30 to 150 Hz)."""


def emotional_timbre(
    rng: np.random.Generator, sound: Samples, emotion: Emotion, strength: float, voice: SyntheticVoice | None = None
) -> Samples:
    """Apply an emotion with a strength of 0..1 to the audio of a voice, float32 (N,) at 16 kHz.

    Tilt, tremor and roughness of the ``voice`` itself are added. No sound moves in time by more than 2 ms, so that the
    mouth stays in sync.
    """
    tremor = min(1.0, (voice.tremor if voice else 0.0) + strength * emotion.tremor)
    rough = min(1.0, (voice.rough if voice else 0.0) + strength * emotion.rough)
    if tremor or rough:
        slow, fast = _tremor(rng, len(sound)), _roughness(rng, len(sound))
        sound = _modulate_pitch(sound, TREMOR_PITCH * tremor * slow + ROUGH_PITCH * rough * fast)
        louder = (1 + TREMOR_LOUDNESS * tremor * slow) * (1 + ROUGH_LOUDNESS * rough * fast).clip(0.1)
        sound = (sound * louder).astype(np.float32)
    tilt = (voice.tilt if voice else 0.0) + strength * emotion.tilt
    return _tilt(sound, tilt) if tilt else sound


def _tremor(rng: np.random.Generator, count: int) -> Samples:
    """A slightly irregular wave of 4 to 7 Hz, about -1..1."""
    hertz = rng.uniform(4.0, 7.0) * (1 + 0.15 * _random_line(rng, count, 2.0))
    return np.sin(2 * np.pi * (np.cumsum(hertz) / SAMPLE_RATE + rng.random())).astype(np.float32)


def _roughness(rng: np.random.Generator, count: int) -> Samples:
    """Noise between 30 and 75 Hz, with standard deviation 1."""
    size = 1 << (count - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    band = (hertz > 30) & (hertz < 75)
    spectrum = np.zeros(len(hertz), complex)
    spectrum[band] = rng.standard_normal(band.sum()) + 1j * rng.standard_normal(band.sum())
    noise = np.fft.irfft(spectrum, size)[:count]
    return (noise / max(float(noise.std()), 1e-9)).astype(np.float32)


def _random_line(rng: np.random.Generator, count: int, per_second: float) -> Samples:
    """A piecewise linear random curve with this many knots per second, with a standard deviation of about 1."""
    corners = rng.standard_normal(int(count / SAMPLE_RATE * per_second) + 2)
    return np.interp(np.arange(count) * per_second / SAMPLE_RATE, np.arange(len(corners)), corners).astype(np.float32)


def _modulate_pitch(voice: Samples, deviation: Samples) -> Samples:
    """Raise the pitch by a relative deviation at each sample, by varying the playback speed."""
    shift = np.cumsum(deviation, dtype=np.float64)
    return map_coordinates(  # type: ignore[no-any-return]
        voice, (np.arange(len(voice)) + shift - shift.mean())[None], order=3, mode="nearest", prefilter=True
    ).astype(np.float32)


def _tilt(voice: Samples, db_per_octave: float) -> Samples:
    """Make the voice brighter (> 0) or duller, with zero phase, so that nothing moves in time."""
    size = 1 << len(voice).bit_length()
    octaves = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), 60.0) / LEVEL_HZ)
    gain_db = (db_per_octave * octaves).clip(-MAX_TILT_DB, MAX_TILT_DB)
    return np.fft.irfft(np.fft.rfft(voice, size) * 10 ** (gain_db / 20), size)[: len(voice)].astype(np.float32)


SWELL_S = 0.15
"""Smoothing of the loudness in seconds: syllables merge into stresses, and facial muscles need 0.3 s."""


def sample_intensity(rng: np.random.Generator, loudness: Curve, speaking: Curve) -> Curve:
    """Sample the intensity of an emotion over a clip: 0 at rest, 1 at the peak of a stressed phrase, sometimes above.

    The first frame is near rest, even if speech began before the clip, so that a still reveals little of the emotion.
    From the first sound on the face begins to show it, most where the voice is loudest.

    Args:
        rng: random source of the clip.
        loudness: loudness of the speech per frame, 0..1.
        speaking: 1 during phonemes, 0 in pauses.

    Returns:
        (frames,).
    """
    rest, onset_s = rng.uniform(0.0, 0.35), rng.uniform(0.15, 0.5)
    held, swollen = rng.uniform(0.1, 0.4), rng.uniform(0.65, 0.85)
    swell = smooth_curve(loudness, SWELL_S)
    swell = swell / max(float(np.quantile(swell, 0.9)), 0.2)
    spoken_s = (np.cumsum(speaking) - speaking[0]) / FPS
    begun = smooth_curve(np.asarray(1 - np.exp(-spoken_s / onset_s)), 0.04)
    begun = (begun - begun[0]).clip(0)
    return np.asarray(rest + begun * (held + swollen * swell - rest), np.float32).clip(0, 1.25)


@dataclass(frozen=True, slots=True)
class Motion:
    """Curves over the frames of a clip, each (frames,).

    Attributes:
        yaw, pitch, roll: pose of the head in radians; positive is to the right of the frame, down, clockwise.
        x, y: displacement of the head, in eye distances.
        near: relative size of the head, 1 is neutral.
        lids: opening, 0 is closed.
        look_x, look_y: displacement of the iris, in units.
        brow_inner, brow_outer: elevation, about -1..1.
        smile: corners of the mouth, about -1..1.
        part: opening of the lips in addition to speech.
        idle: mouth opening other than speech (breathing, swallowing, hesitating), 0..1.
    """

    yaw: Curve
    pitch: Curve
    roll: Curve
    x: Curve
    y: Curve
    near: Curve
    lids: Curve
    look_x: Curve
    look_y: Curve
    brow_inner: Curve
    brow_outer: Curve
    smile: Curve
    part: Curve
    idle: Curve


def sample_motion(
    rng: np.random.Generator, manner: SpeakingStyle, emotion: Emotion, felt: Curve, loudness: Curve, speaking: Curve
) -> Motion:
    """Sample the motion of one clip.

    Args:
        rng: random source of the clip.
        manner: the person's style.
        emotion: the emotion.
        felt: its intensity per frame, about 0..1.
        loudness: loudness of the speech per frame, 0..1. Head and brows follow it loosely, early or late, as in people.
        speaking: 1 during phonemes, 0 in pauses, to which idle movements of the mouth are limited.
    """
    frames = len(loudness)
    lively = manner.head * emotion.restless ** float(felt.mean())
    beat = _shift_randomly(rng, smooth_curve(loudness, 0.12)) - loudness.mean()
    nod = rng.normal(0, 0.05) * lively * beat
    brow_beat = (
        manner.brows
        * 0.35
        * np.maximum(_shift_randomly(rng, smooth_curve(loudness, 0.2)) - 0.45, 0)
        * rng.uniform(0, 1.5)
    )
    return Motion(
        yaw=np.clip(manner.yaw + rng.normal(0, 0.05) + _drift(rng, frames, 0.045 * lively, 0.7), -0.45, 0.45),
        pitch=manner.pitch + _drift(rng, frames, 0.03 * lively, 0.6) + nod,
        roll=manner.roll + _drift(rng, frames, 0.025 * lively, 0.8),
        x=_drift(rng, frames, 0.06 * lively, 0.9),
        y=_drift(rng, frames, 0.035 * lively, 0.8) + 0.5 * nod,
        near=1 + _drift(rng, frames, 0.012 * lively, 1.0),
        lids=(1 + rng.normal(0, 0.06) + felt * (emotion.lids - 1)) * (1 - _blinks(rng, frames, manner.blinks)),
        look_x=_saccades(rng, frames, 0.03) - 0.07 * np.tanh(2 * manner.yaw),
        look_y=_saccades(rng, frames, 0.012),
        brow_inner=felt * emotion.brow_inner + brow_beat + _resting_brow(rng, frames),
        brow_outer=felt * emotion.brow_outer + brow_beat + _resting_brow(rng, frames),
        smile=_smile(rng, emotion.smile * felt),
        part=felt * np.float32(emotion.part),
        idle=_idle(rng, speaking),
    )


def _shift_randomly(rng: np.random.Generator, curve: Curve) -> Curve:
    """Shift by up to a third of a second either way, so that head and brows do not reveal the sync."""
    return np.roll(curve, int(rng.integers(-8, 9)))


def _drift(rng: np.random.Generator, frames: int, size: float, seconds: float) -> Curve:
    """Smooth random movement with zero mean."""
    rough = rng.normal(0, 1, frames + 2 * FPS).astype(np.float32)
    smooth = smooth_curve(rough, seconds * rng.uniform(0.4, 1.3))[FPS : FPS + frames]
    return np.asarray(size * (smooth - smooth.mean()) / max(float(smooth.std()), 1e-6), np.float32)


def _blinks(rng: np.random.Generator, frames: int, per_minute: float) -> Curve:
    closed = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(per_minute / 60 * frames / FPS)):
        since = (np.arange(frames) - start) / FPS
        shape = np.interp(since, (-0.04, 0.04, 0.09, 0.26), (0, 1, 1, 0))
        closed = np.maximum(closed, shape)
    return closed.astype(np.float32)


def _saccades(rng: np.random.Generator, frames: int, size: float) -> Curve:
    gaze = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(0.8 * frames / FPS)):
        gaze[int(start) :] = rng.normal(0, size)
    return gaze


def _resting_brow(rng: np.random.Generator, frames: int) -> Curve:
    """Resting height of the brows, random and varying, so that single frames do not reveal the emotion."""
    return np.asarray(rng.normal(0, 0.15) + _drift(rng, frames, 0.04, 0.8), np.float32)


def _smile(rng: np.random.Generator, felt: Curve) -> Curve:
    """The emotion's smile with slow variation, and occasionally a short unrelated smile."""
    frames = len(felt)
    curve = felt * (1 + _drift(rng, frames, 0.15, 0.8)) + rng.normal(0, 0.08) + _drift(rng, frames, 0.05, 0.8)
    if rng.random() < 0.2:
        middle = rng.uniform(0, frames)
        curve = curve + rng.uniform(0.2, 0.7) * np.exp(-(((np.arange(frames) - middle) / (0.4 * FPS)) ** 2))
    return np.asarray(np.clip(curve, -1.2, 1.3), np.float32)


def _idle(rng: np.random.Generator, speaking: Curve) -> Curve:
    """Mouth movement during pauses: opening before speech, swallowing, parting the lips."""
    frames = len(speaking)
    curve = np.zeros(frames, np.float32)
    for start in rng.uniform(0, frames, rng.poisson(0.35 * frames / FPS)):
        since = (np.arange(frames) - start) / FPS
        curve += rng.uniform(0.1, 0.5) * np.exp(-((since / rng.uniform(0.1, 0.35)) ** 2)).astype(np.float32)
    return np.asarray(curve * (1 - np.clip(smooth_curve(speaking, 0.06) * 2, 0, 1)), np.float32)
