"""embed: features of any recordings."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seehear.atomic_io import MAX_NAME_BYTES, atomic_write
from seehear.errors import CorpusError, MediaError, SeehearError, check_writable, os_errors_as_user_errors

if TYPE_CHECKING:
    from seehear.data.corpus import CorpusRoot
    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.nn.interface import SpeechEncoder
    from seehear.progress import ProgressReporter

    Samples = NDArray[np.float32]


@dataclass(frozen=True)
class RecordingFeatures:
    """What an encoder made of one recording.

    Attributes:
        name: of the recording, unique among those of one file.
        features: float32 (N, width).
        rate: features a second: feature i is at i / rate seconds.
    """

    name: str
    features: NDArray[np.float32]
    rate: int


Write = Callable[[Path, Iterator[RecordingFeatures]], None]


def feature_writer(out: Path) -> Write:
    """What writes such a file: ``.parquet``, ``.npz``, or a folder.

    Raises:
        SeehearError: nothing can be written there, or a file of another kind is wanted.
    """
    kind = out.suffix.lower()
    if kind in WRITERS:
        if out.is_dir():
            raise SeehearError(f"{out} is a folder; name a file in it, or a folder that does not end in {kind}")
        check_writable(out)
        return WRITERS[kind]
    if kind and not out.is_dir():
        raise SeehearError(f"{out} is of no kind that features are written as; name a .parquet, a .npz or a folder")
    if out.exists() and not out.is_dir():
        raise SeehearError(f"{out} is a file; name a folder, a .parquet or a .npz")
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    check_writable(there / "NAME.npy")
    return write_folder


def require_names(out: Path, names: Iterable[str]) -> None:
    """That a file can be written for every recording, where each has its own.

    Raises:
        SeehearError: a name is too long.
    """
    if out.suffix.lower() not in WRITERS:
        for name in names:
            if len(os.fsencode(Path(name).name)) + len(".npy") > MAX_NAME_BYTES:
                raise SeehearError(f"{name}.npy is too long a name for a file; write a .parquet or a .npz instead")


def write_parquet(path: Path, recordings: Iterator[RecordingFeatures]) -> None:
    """A table with a row a feature: ``file``, ``time_s``, and ``f0``, ``f1``, ... float32; a row group a recording.

    Nothing is written where there are no recordings.
    """
    first = next(recordings, None)
    if first is None:
        return
    width = first.features.shape[1]
    columns = [("file", pa.string()), ("time_s", pa.float64()), *((f"f{i}", pa.float32()) for i in range(width))]
    schema = pa.schema(columns)
    with (
        os_errors_as_user_errors(path),
        atomic_write(path) as beside,
        beside.open("wb") as opened,  # pyarrow takes no name that is not UTF-8
        pq.ParquetWriter(opened, schema) as file,
    ):
        for recording in chain([first], recordings):
            count = len(recording.features)
            names = pa.array([recording.name]).take(pa.array(np.zeros(count, np.int64)))
            times = pa.array(np.arange(count) / recording.rate)
            numbers = [pa.array(column) for column in np.ascontiguousarray(recording.features.T)]
            file.write_table(pa.table([names, times, *numbers], schema=schema))


def write_npz(path: Path, recordings: Iterator[RecordingFeatures]) -> None:
    """An archive that `numpy.load` reads: an array (N, width) a recording, by its name."""
    first = next(recordings, None)
    if first is None:
        return
    with os_errors_as_user_errors(path), atomic_write(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for recording in chain([first], recordings):
            with archive.open(f"{recording.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, recording.features, allow_pickle=False)


def write_folder(path: Path, recordings: Iterable[RecordingFeatures]) -> None:
    """A file NAME.npy a recording, (N, width)."""
    for recording in recordings:
        place = path / f"{recording.name}.npy"
        with os_errors_as_user_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place) as beside, beside.open("wb") as file:
                np.save(file, recording.features, allow_pickle=False)


WRITERS: dict[str, Write] = {".parquet": write_parquet, ".npz": write_npz}
"""By the suffix of what they write."""


class NamedRecording(NamedTuple):
    """A recording that is to be embedded: its name, and what reads it, float32 (N,) at 16 kHz."""

    name: str
    read: Callable[[], Samples]


@dataclass
class EmbedResult:
    """What has come of it: how many recordings gave how many features, and a sentence for each that gave none.

    Cautions are sentences on some that gave features.
    """

    recordings: int = 0
    features: int = 0
    failures: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.recordings} recording{'s' if self.recordings != 1 else ''}: {self.features} features"


def embed(
    model: str, files: list[Path], *, out: Path, layer: str | None = None, audio_stream: str | None = None
) -> int:
    """Write what an encoder of speech makes of sound: 25 features a second, 100 for mfcc and logmel.

    A .parquet file has a row a feature: file, time_s, f0, f1, ... A .npz file has an array (N, width) a recording, by
    its name. Anything else is a folder, with a file NAME.npy a recording. What cannot be read is told and left out,
    and the exit code is 2.

    Args:
        model: Folder of a run, name of a model, or hf:owner/name on the Hugging Face hub; or mfcc or logmel; or an
            encoder from elsewhere: python:MODULE:CALLABLE@RATE or transformers:NAME[@LAYER].
        files: Recordings or videos, folders of them, and corpora that `seehear prepare` has made.
        out: Where to: a .parquet file, a .npz file, or a folder.
        layer: Which layer of the encoder; by default `SpeechEncoder.read`. One that is not there is told
            those that are.
        audio_stream: Which stream of sound of every file, from 1, and perhaps which channel: 2 or 2:left; by default
            what a player would choose, or the first that is not silent.
    """
    from rich.console import Console

    from seehear.media.audio_streams import AudioStreamChoice
    from seehear.nn.embed import check_layer
    from seehear.progress import ProgressReporter

    write, encoder = feature_writer(out), encoder_of(model)
    check_layer(encoder, layer)
    tally = EmbedResult()
    recordings = list(_recordings(files, tally, AudioStreamChoice.parse(audio_stream)))
    _require_different_names(recordings)
    require_names(out, [recording.name for recording in recordings])
    with ProgressReporter("embedding", len(recordings), show=len(recordings) > 1) as telling:
        write(out, _embedded(encoder, recordings, layer, tally, telling))
    console = Console(stderr=True, highlight=False)
    for failure in tally.failures + tally.cautions:
        console.print(f"seehear: {failure}", markup=False, soft_wrap=True)
    if tally.recordings:
        width = encoder.layers[layer or encoder.read]
        print(f"{tally} of {width} numbers, {encoder.rate} a second, are in {out}")  # noqa: T201
    return 2 if tally.failures else 0


def encoder_of(model: str) -> SpeechEncoder:
    """The encoder of speech of a trained model, one from elsewhere, or a handcrafted one, by its name.

    Raises:
        ModelError: there is none.
    """
    from seehear.models.store import load
    from seehear.nn.external import is_external, load_external
    from seehear.nn.handcrafted import HANDCRAFTED, build_handcrafted

    if model in HANDCRAFTED:
        return build_handcrafted(model).eval()
    return load_external(model) if is_external(model) else load(model).speech.eval()


def _require_different_names(recordings: Iterable[NamedRecording]) -> None:
    """That no features would take the place of others: corpora in different places may bear one name.

    Raises:
        SeehearError: two recordings have the same.
    """
    name, count = max(Counter(r.name for r in recordings).items(), key=lambda found: found[1], default=("", 0))
    if count > 1:
        raise SeehearError(f"{count} recordings are called {name}; embed each of their corpora by itself")


def _embedded(
    encoder: SpeechEncoder,
    recordings: Iterable[NamedRecording],
    layer: str | None,
    tally: EmbedResult,
    telling: ProgressReporter,
) -> Iterator[RecordingFeatures]:
    """One after the other; those that fail are left out and noted."""
    from seehear.clip import SAMPLE_RATE
    from seehear.nn.embed import embed_audio

    for done, (name, read) in enumerate(recordings, 1):
        try:
            features = embed_audio(encoder, read(), SAMPLE_RATE, layer)
        except SeehearError as error:
            tally.failures.append(str(error) if name in str(error) else f"{name}: {error}")
            continue
        tally.recordings += 1
        tally.features += len(features)
        yield RecordingFeatures(name, features, encoder.rate)
        telling.update(done, name)


def _recordings(
    files: Iterable[Path], tally: EmbedResult, wanted: AudioStreamChoice | None
) -> Iterator[NamedRecording]:
    """Media files, those of folders, and the clips of corpora; what is not there is noted.

    Raises:
        CorpusError: a corpus is damaged.
    """
    from seehear.data.datasets import find_media
    from seehear.data.manifest import CORPUS_FILE

    media: list[Path] = []
    for file in files:
        if (file / CORPUS_FILE).is_file():
            yield from _clips(file)
            continue
        try:
            find_media([file])
        except CorpusError as error:
            tally.failures.append(str(error))
        else:
            media.append(file)
    if media:
        yield from (NamedRecording(name, partial(_sound_of, path, wanted, tally)) for path, name in find_media(media))


def _sound_of(path: Path, wanted: AudioStreamChoice | None, tally: EmbedResult) -> Samples:
    """The whole sound of a media file, from the beginning of its clock; cautions go into the tally.

    Raises:
        MediaError: it cannot be read, has no sound, or samples that are no numbers.
    """
    from seehear.media.audio_streams import describe_others
    from seehear.media.sound import read_sound

    sound = read_sound(path, wanted=wanted)
    if not sound.duration_s:
        raise MediaError(f"{path} has no sound; name a recording, or a video that has some")
    if sound.repaired:
        raise MediaError(f"{path} has {sound.repaired} samples that are no numbers; repair it or leave it out")
    if sound.silent:
        others = describe_others(sound.part, sound.others)
        tally.cautions.append(f"{path} is silent; its features are those of silence{others}")
    tally.cautions += [f"{path}: {caution}" for caution in sound.cautions]
    return sound.between(0, sound.duration_s)


def _clips(corpus: Path) -> Iterator[NamedRecording]:
    """The clips of a corpus that have sound, by the corpus's name and their keys."""
    from seehear.data.corpus import Corpus

    clips = Corpus(corpus).with_sound()
    columns = ["key", "shard", "audio_offset", "audio_size"]
    for row in clips.manifest.select(columns).to_pylist():
        yield NamedRecording(f"{corpus.resolve().name}/{row['key']}", partial(_sound_of_clip, clips.roots[0], row))


def _sound_of_clip(root: CorpusRoot, row: dict[str, Any]) -> Samples:
    """The sound of a clip, its pictures left alone.

    Raises:
        CorpusError: its bytes are gone or damaged.
    """
    from seehear.media.encode import decode_sound

    start = row["audio_offset"]
    try:
        return decode_sound(root.bytes(row["shard"], start, start + row["audio_size"]))
    except (OSError, MediaError) as error:
        raise CorpusError(f"clip {row['key']} of {root.name} cannot be read ({error}); prepare it again") from error
