"""Compare the voices of pairs of recordings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.apps.embeddings import VoiceEmbedding, read_voice, voice_embedding, voice_embedding_of
from seehear.apps.verify import RecordingPair, VoiceComparison
from seehear.media.arrays import sound_of_array
from seehear.media.audio_streams import AudioStreamChoice
from seehear.media.sound import Sound
from seehear.metrics.calibration import CALIBRATION_FILE, ScoreCalibration
from seehear.models.interface import SEGMENT_S, IdentityModel
from seehear.models.store import find_model, load_identity_model
from seehear.parallel_files import FileResult, map_files, try_file

if TYPE_CHECKING:
    pass


def compare_voices(
    pairs: Iterable[RecordingPair],
    model: IdentityModel,
    calibration: ScoreCalibration | None,
    audio_stream: AudioStreamChoice | None = None,
) -> Iterator[VoiceComparison]:
    """Compare pairs, reading each recording once; a pair that cannot be compared gives a result with its error.

    Args:
        pairs: of recordings.
        model: whose voices are compared.
        calibration: turns scores into probabilities; it also sets the length of the segments that are embedded.
        audio_stream: which sound of each recording; without it see `seehear.media.sound.read_sound`.
    """
    seconds = calibration.seconds if calibration else SEGMENT_S
    listed = list(pairs)
    paths = list(dict.fromkeys(path for pair in listed for path in (pair.one, pair.other)))
    sounds = map_files(
        paths, partial(_read_voice, audio_stream), 1, apart=True
    )  # in the order in which they are needed below
    embeddings: dict[Path, FileResult[VoiceEmbedding]] = {}
    for pair in listed:
        for path in (pair.one, pair.other):
            if path not in embeddings:
                embeddings[path] = _embed(next(sounds), model, seconds, among_others=len(listed) > 1)
        one, other = embeddings[pair.one], embeddings[pair.other]
        if one.value is None or other.value is None:
            failed = one if one.error else other
            yield VoiceComparison(pair, calibration=calibration, error=failed.error, code=failed.code)
        else:
            yield _compare(pair, one.value, other.value, model, calibration)


def _read_voice(audio_stream: AudioStreamChoice | None, path: Path, _: Callable[[float], None]) -> Sound:
    return read_voice(path, audio_stream)


def _embed(
    read: FileResult[Sound], model: IdentityModel, seconds: float, *, among_others: bool
) -> FileResult[VoiceEmbedding]:
    """Embed in this process what another one has decoded: the file is a stranger's, the samples are not."""
    if read.value is None:
        return FileResult(read.path, error=read.error, code=read.code)
    embed = partial(voice_embedding_of, read.value, model=model, seconds=seconds)
    return try_file(read.path, embed, among_others=among_others)


def compare_two(
    recordings: Sequence[str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer]],
    model: str | Path | IdentityModel,
    calibration: Path | ScoreCalibration | None,
    audio_stream: AudioStreamChoice | None,
    sample_rate: int,
) -> VoiceComparison:
    """Compare two recordings, files or samples in memory; see `verify`."""
    loaded = load_identity_model(model)
    known = find_calibration(model, calibration)
    seconds = known.seconds if known else SEGMENT_S
    voices = []
    for number, recording in enumerate(recordings, 1):
        if isinstance(recording, (str, os.PathLike)):
            voices.append(voice_embedding(Path(recording), loaded, seconds, audio_stream))
        else:
            sound = sound_of_array(recording, sample_rate)
            voices.append(voice_embedding_of(sound, Path(f"array {number}"), loaded, seconds))
    return _compare(RecordingPair(voices[0].path, voices[1].path), voices[0], voices[1], loaded, known)


def _compare(
    pair: RecordingPair,
    one: VoiceEmbedding,
    other: VoiceEmbedding,
    model: IdentityModel,
    calibration: ScoreCalibration | None,
) -> VoiceComparison:
    score = float(model.similarity(torch.from_numpy(one.embedding)[None], torch.from_numpy(other.embedding)[None]))
    mixed = (f"{voice.path.name}: {caution}" for voice in (one, other) for caution in voice.cautions)
    cautions = (*mixed, *(_cautions(calibration, one, other) if calibration else ()))
    return VoiceComparison(pair, score, calibration, (one.speech_s, other.speech_s), cautions)


def _cautions(known: ScoreCalibration, *voices: VoiceEmbedding) -> Iterator[str]:
    for voice in voices:
        if voice.narrow:
            effect = "such voices seem more alike than they are"
            yield f"{voice.path.name} holds nothing above 4 kHz, like a telephone: {effect}"
        if voice.speech_s < known.seconds:
            shortage = f"less than the {known.seconds:g} s that was measured with"
            yield f"{voice.path.name} has {voice.speech_s:.1f} s of speech, {shortage}"


def find_calibration(
    model: str | Path | IdentityModel, given: Path | ScoreCalibration | None
) -> ScoreCalibration | None:
    """Return the given calibration, else that of the model's folder, else None."""
    if isinstance(given, ScoreCalibration):
        return given
    if given:
        return ScoreCalibration.read(given)
    if isinstance(model, IdentityModel):
        return None
    folder = find_model(str(model))
    return ScoreCalibration.read(folder) if (folder / CALIBRATION_FILE).is_file() else None
