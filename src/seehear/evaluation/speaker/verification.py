"""Speaker verification: EER and detection cost, as on VoxCeleb (arXiv 1706.08612); simulated recording channels.

Two segments of one recording share its room and its microphone, which helps every encoder to match them and says
nothing about the voice. With simulated channels, each segment has a room and microphone of its own.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from seehear.audio.recording import sample_recording_conditions, simulate_recording
from seehear.clip import SAMPLE_RATE
from seehear.data.corpus import By
from seehear.errors import CorpusError
from seehear.evaluation import find_score
from seehear.evaluation.baselines import DEFAULT_BASELINES, TRAINED_MODES
from seehear.evaluation.cross_validation import Protocol, describe_seeds
from seehear.evaluation.recordings import Recording, Recordings
from seehear.evaluation.result import EvaluationResult, Row
from seehear.evaluation.speaker.few_labels import FewLabelOptions, LossName
from seehear.evaluation.speaker.pairs import Trials, TrialSides
from seehear.evaluation.speaker.result import (
    Drawn,
    SpeakerEvaluation,
    compare_over_seeds,
    estimate_over_seeds,
)
from seehear.evaluation.speaker.scoring import (
    DCF,
    EER,
    PAIRS,
    SeedScores,
    VerificationOptions,
    VoiceCrossValidation,
    VoiceMode,
    calibrate_scores,
    require_calibration_place,
)
from seehear.evaluation.speaker.voices import REPORTED_SCALINGS, ComparedVoice, Pooling, Scaling, compared_voices
from seehear.evaluation.splits import LABEL, VoicePart, in_test, recordings_in_part, split_of
from seehear.metrics.bootstrap import UNIT_BOUNDS, Bounds
from seehear.progress import Progress
from seehear.registry import OneOf

Sound = NDArray[np.float32]


class Codec(NamedTuple):
    """How audio is stored: FFmpeg's name, container, samples and bits per second (0: the codec's default)."""

    name: str
    container: str
    rate: int
    bit_rate: int


CODECS = (
    None,
    Codec("pcm_mulaw", "wav", 8_000, 0),  # telephone
    Codec("aac", "mp4", 16_000, 24_000),
    Codec("libmp3lame", "mp3", 16_000, 32_000),
    Codec("libopus", "ogg", 16_000, 16_000),
)


class SimulatedRecording(Recording):
    """A recording as it would be in another room, with another microphone."""

    def __init__(self, recording: Recording, seed: int) -> None:
        """Compute nothing yet; the random choices depend only on the seed and the recording's name."""
        super().__init__(recording.name, recording.source, recording.labels, recording._sound)
        self._recording, self._seed = recording, seed

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self._recording.samples

    def audio(self) -> Sound:
        """Return the audio, float32 (N,) in [-1, 1] at 16 kHz."""
        return self._simulated

    @cached_property
    def _simulated(self) -> Sound:
        rng = np.random.default_rng([self._seed, zlib.crc32(self.name.encode())])
        sound = simulate_recording(rng, self._recording.audio(), sample_recording_conditions(rng))
        codec = CODECS[int(rng.integers(len(CODECS)))]
        return through_codec(sound, codec) if codec else sound


def simulate_channels(pieces: Sequence[Recording], seed: int = 0) -> list[Recording]:
    """Give each segment a channel of its own; see `SimulatedRecording`."""
    return [SimulatedRecording(piece, seed) for piece in pieces]


def through_codec(sound: Sound, codec: Codec) -> Sound:
    """Encode and decode audio (N,) at 16 kHz; the length stays the same."""
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as out:
        stream = cast(AudioStream, out.add_stream(codec.name, rate=codec.rate, layout="mono"))
        if codec.bit_rate:
            stream.bit_rate = codec.bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(stream.format, "mono", codec.rate, stream.codec_context.frame_size or None)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    file.seek(0)
    reader = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(file, "r") as stored:
        parts = [part for decoded in stored.decode(audio=0) for part in reader.resample(decoded)]
        parts += reader.resample(None)
    decoded = np.concatenate([part.to_ndarray()[0] for part in parts])[: len(sound)]
    return np.pad(decoded, (0, len(sound) - len(decoded))).astype(np.float32)


SEGMENTS = "segments"


COSTS: Bounds = (0.0, math.inf)
"""Bounds of a detection cost."""


def evaluate_speaker(
    model: str,
    data: list[Path],
    baselines: Sequence[str] = DEFAULT_BASELINES,
    dataset: Annotated[str, OneOf("dataset")] | None = None,
    trials: str | None = None,
    pairs: int | Literal["all"] = PAIRS,
    within: Sequence[str] = (),
    seconds: float = 2.0,
    channels: bool = False,
    pooling: Pooling = "mean",
    scaling: Scaling = "whitened",
    layer: str | None = None,
    mode: VoiceMode = "frozen",
    train_speakers: int | None = None,
    loss: LossName = "am-softmax",
    few: FewLabelOptions = FewLabelOptions(),  # noqa: B008  frozen
    split: VoicePart = "all",
    split_by: By | None = None,
    dev_every: int | None = None,
    seeds: int = 3,
    first_seed: int = 0,
    where: Sequence[str] = (),
    write_calibration: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> EvaluationResult:
    """Evaluate how well a model's embeddings tell whether two recordings are of one speaker.

    Two recordings are compared by their embeddings: means over segments of audio. A model of voices has embeddings of
    its own; features of any other encoder are pooled over time. All rows are whitened in the same way over all tested
    recordings, without labels; the EER of the raw embeddings is reported as well. There a model's own embeddings are
    compared as in its training, by the cosine or by minus the Euclidean distance, and pooled features by the cosine.

    Args:
        model: folder of a run, name of a model, mfcc or logmel; python:MODULE:CALLABLE@RATE or transformers:NAME
        data: corpora that "seehear prepare" has made, or folders and files of a data set, with the label speaker
        baselines: encoders to compare with: mfcc, logmel, other models, untrained (the model's architecture with random
            weights), finetuned or scratch (the model's architecture, all weights trained with the labels of some
            speakers)
        dataset: name of the data set that the files are of, unless they are a corpus; by default a folder with labels
        trials: file of pairs in the format of VoxCeleb (1 one.wav other.wav), or segments: segments of one recording
            are of one person and those of different recordings are not; by default pairs of recordings, by their
            speakers
        pairs: maximum number of pairs of each kind, drawn by the seed; all scores every pair, in blocks
        within: labels that the two of a pair share, such as sex
        seconds: length of a segment of audio
        channels: simulate a room, microphone, noise and codec for each segment; otherwise segments of one recording
            share them, which helps every encoder and says nothing about the voice
        pooling: of features that are not voice embeddings: their mean over time, or mean and deviation
        scaling: of the embeddings of every row over all tested recordings, without labels: whitened, standardised or
            none. The first EER of the table is with this one.
        layer: layer of the encoder, pooled; by default a model's own voice embedding, else the encoder's default layer
        mode: frozen; or trained with the labels of some speakers, who then are not tested: projected (a layer on top),
            finetuned or scratch (all of it). Encoders without trainable weights are projected.
        train_speakers: number of speakers with labels; by default all that are not tested
        loss: loss of training with labels
        few: options of training with labels
        split: who is tested: all, or dev or train, the part that the model's training held out or trained on, or
            official, those whose label part is test. With labels and all, a fifth of the speakers is tested, others
            with each seed.
        split_by: what is on one side of that split only, sources or speakers; by default as in the model's training
        dev_every: every n-th source (or speaker) is dev; by default as in the model's training
        seeds: repetitions, each with its own random weights, pairs and labels, if there are any
        first_seed: number of the first seed; the others follow it
        where: only recordings with these labels, each label=value or label=value|other
        write_calibration: JSON file, or folder of a model: write a calibration for the probabilities of "seehear
            verify"
        device: where networks run, as torch names it
        progress: called with the share of a stage that is done, 0 to 1, and a text

    Raises:
        ModelError: there is no such model or layer, or its scores cannot be calibrated.
        CorpusError: no such data, speakers are not known, no pairs, or a list names missing files.
    """
    require_calibration_place(write_calibration)
    numbers = Protocol(seeds=seeds, first_seed=first_seed, device=device).numbers
    if pairs != "all" and pairs < 1:
        raise CorpusError(f"--pairs must be 1 or more, or all, not {pairs}")
    if pairs == "all" and trials is not None:
        raise CorpusError("--pairs all means every pair of recordings; leave out --trials, or --pairs")
    if not seconds > 0:
        raise CorpusError(f"--seconds must be more than 0, not {seconds:g}")
    plan = VerificationOptions(mode, train_speakers, loss, few, seconds, pairs, scaling, numbers, device)
    named = compared_voices(model, baselines, "frozen" if mode == "projected" else mode, layer, pooling)
    labelled = mode != "frozen" or any(one.mode in TRAINED_MODES for one in named)
    recordings = Recordings.of(data, dataset).where(where).with_readable_sound(progress)
    chosen = np.ones(len(recordings), dtype=bool)
    if split == "official":
        chosen = in_test(recordings.labels(LABEL), recordings.name)
    elif split != "all":
        chosen = recordings_in_part(recordings, data, split, split_of(model, split_by, dev_every))
    course = _cross_validation(recordings, recordings.subset(chosen), trials, within, plan, labelled, channels)
    run = [course.run(one, progress) for one in named]
    others = {recordings[row].speaker for row in np.flatnonzero(~chosen).tolist()}
    setting = {
        **_setting(plan, pooling, labelled),
        "compared": course.sides.described + (", each with its own room, microphone and codec" if channels else ""),
        "tested": "a fifth of the speakers" if course.hold_out else split,
    }
    made = (
        calibrate_scores(course, named[0].voice(first_seed), model, recordings.name, write_calibration, progress)
        if write_calibration
        else None
    )
    return SpeakerEvaluation(
        task="speaker verification",
        data=recordings.name,
        rows=tuple(_row(one, plan, scored, len(course.people)) for one, scored in zip(named, run, strict=True)),
        comparisons=tuple(
            compare_over_seeds(one.name, *_values(run[0]), *_values(scored), len(course.people))
            for one, scored in zip(named[1:], run[1:], strict=True)
        ),
        higher_is_better=find_score(EER).higher_is_better,
        chance={EER: 0.5},
        classes=(),
        recordings=len(recordings),
        tested=len(course.tested),
        speakers=None if course.sides.units != "speakers" else len({r.speaker for r in recordings}),
        units=course.sides.units,
        setting=setting,
        left_out=recordings.left_out,
        pairs=_pairs(course.rounds[0].trials),
        det={one.name: scored[0].det for one, scored in zip(named, run, strict=True)},
        also_trained=None if split == "all" else len(others & set(course.people)),
        calibration=made.to_dict() if made else None,
        beside={
            figure: tuple(
                compare_over_seeds(one.name, *_values(run[0], figure), *_values(scored, figure), len(course.people))
                for one, scored in zip(named[1:], run[1:], strict=True)
            )
            for figure in REPORTED_SCALINGS
            if figure in run[0][0].figures
        },
    )


def _cross_validation(
    recordings: Recordings,
    tested: Recordings,
    trials: str | None,
    within: Sequence[str],
    plan: VerificationOptions,
    labelled: bool,
    channels: bool,
) -> VoiceCrossValidation:
    """Set up the comparison; recordings that are not tested may be trained with."""

    def with_channels(sides: TrialSides) -> TrialSides:
        return replace(sides, pieces=simulate_channels(sides.pieces)) if channels else sides

    everything = len(tested) == len(recordings)
    if trials == SEGMENTS:
        sides = with_channels(TrialSides.of_segments(tested, plan.seconds, within))
        return VoiceCrossValidation(recordings, sides, plan, labelled, labelled and everything)
    sides = with_channels(TrialSides.of_recordings(tested, plan.seconds, within))
    if trials is not None:
        sides, listed = sides.listed(Path(trials), tested)
        return VoiceCrossValidation(recordings, sides, plan, labelled, listed=listed)
    if sides.units != "speakers":
        raise CorpusError(
            f"{recordings.name} does not say of all who speaks; add the label 'speaker', or name the --dataset of the "
            "data set, a list with --trials, or --trials segments"
        )
    return VoiceCrossValidation(recordings, sides, plan, labelled, labelled and everything)


def _row(one: ComparedVoice, plan: VerificationOptions, scored: Sequence[SeedScores], people: int) -> Row:
    mode = "projected" if plan.mode != "frozen" and one.mode == "frozen" else one.mode
    names = list(scored[0].figures)
    figures = {
        name: estimate_over_seeds(
            [s.figures[name] for s in scored],
            [s.drawn[name] for s in scored],
            people,
            COSTS if name in DCF else UNIT_BOUNDS,
        )
        for name in names
    }
    return Row(one.name, mode, figures, by_snr={})


def _values(scored: Sequence[SeedScores], figure: str = EER) -> tuple[list[float], list[Drawn]]:
    """Return a figure with each seed, and its draws."""
    return [s.figures[figure] for s in scored], [s.drawn[figure] for s in scored]


def _pairs(trials: Trials) -> tuple[int, int]:
    return int(trials.targets.sum()), int((~trials.targets).sum())


def _setting(plan: VerificationOptions, pooling: Pooling, labelled: bool) -> dict[str, Any]:
    """Return the settings that a result reports."""
    settings: dict[str, Any] = {"pooling": pooling, "scaling": plan.scaling, "seeds": describe_seeds(plan.seeds)}
    if labelled:
        settings |= {"loss": plan.loss, "trained with": f"{plan.train_speakers or 'all other'} speakers"}
    return settings
