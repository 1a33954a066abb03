"""Features of speech: read recordings, encode them, and write the features to files."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from seehear.apps.embed import EmbedResult, RecordingFeatures
from seehear.atomic_io import MAX_NAME_BYTES, atomic_write
from seehear.clip import SAMPLE_RATE
from seehear.data.corpus import Corpus, CorpusRoot
from seehear.data.datasets import find_media
from seehear.data.manifest import CORPUS_FILE
from seehear.errors import CorpusError, MediaError, SeehearError, check_writable, os_errors_as_user_errors
from seehear.media.arrays import resample_array
from seehear.media.audio_streams import AudioStreamChoice, describe_others
from seehear.media.encode import decode_sound
from seehear.media.sound import Sound, read_sound
from seehear.models.store import load
from seehear.nn.embed import check_layer, embed_audio
from seehear.nn.external import is_external, load_external
from seehear.nn.handcrafted import HANDCRAFTED, build_handcrafted
from seehear.nn.interface import SpeechEncoder
from seehear.parallel_files import FileResult, map_files
from seehear.progress import Progress

if TYPE_CHECKING:
    pass

Samples = NDArray[np.float32]


Write = Callable[[Path, Iterator[RecordingFeatures]], None]


def feature_writer(out: Path) -> Write:
    """What writes such a file: ``.parquet``, ``.npz``, or a folder.

    Raises:
        SeehearError: nothing can be written there, or the suffix is unknown.
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
    parent = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    check_writable(parent / "NAME.npy")
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
        atomic_write(path) as temporary,
        temporary.open("wb") as opened,  # pyarrow takes no name that is not UTF-8
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
    with os_errors_as_user_errors(path), atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for recording in chain([first], recordings):
            with archive.open(f"{recording.name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, recording.features, allow_pickle=False)


def write_folder(path: Path, recordings: Iterable[RecordingFeatures]) -> None:
    """A file NAME.npy a recording, (N, width)."""
    for recording in recordings:
        place = path / f"{recording.name}.npy"
        with os_errors_as_user_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place) as temporary, temporary.open("wb") as file:
                np.save(file, recording.features, allow_pickle=False)


WRITERS: dict[str, Write] = {".parquet": write_parquet, ".npz": write_npz}
"""By the suffix of what they write."""


class NamedRecording(NamedTuple):
    """A recording that is to be embedded: its name, and what reads it, float32 (N,) at 16 kHz."""

    name: str
    read: Callable[[], Samples]


@dataclass
class _Tally:
    """What is counted while features are written."""

    recordings: int = 0
    features: int = 0
    failures: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)


def embed_recording(
    recording: str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer],
    model: str | Path | SpeechEncoder,
    layer: str | None,
    audio_stream: AudioStreamChoice | None,
    sample_rate: int,
) -> RecordingFeatures:
    """Compute the features of one recording; see `embed`."""
    encoder = encoder_of(model) if isinstance(model, (str, Path)) else model
    check_layer(encoder, layer)
    if isinstance(recording, (str, os.PathLike)):
        name = Path(recording).stem
        audio = _sound_of(Path(recording), audio_stream, _Tally())
    else:
        name, audio = "array", resample_array(recording, sample_rate)
    return RecordingFeatures(name, embed_audio(encoder, audio, SAMPLE_RATE, layer), encoder.rate)


def embed_files(
    files: Sequence[Path],
    out: Path,
    model: str | Path | SpeechEncoder,
    layer: str | None,
    audio_stream: AudioStreamChoice | None,
    progress: Progress | None,
) -> EmbedResult:
    """Write the features of recordings to a file; see `write_features`."""
    encoder = encoder_of(model) if isinstance(model, (str, Path)) else model
    write = feature_writer(out)
    check_layer(encoder, layer)
    tally = _Tally()
    recordings = list(_recordings(files, tally, audio_stream))
    _require_different_names(recordings)
    require_names(out, [recording.name for recording in recordings])
    write(out, _embedded(encoder, recordings, layer, tally, progress))
    width = encoder.layers[layer or encoder.default_layer]
    return EmbedResult(
        out, tally.recordings, tally.features, width, encoder.rate, tuple(tally.failures), tuple(tally.cautions)
    )


def encoder_of(model: str | Path) -> SpeechEncoder:
    """The encoder of speech of a trained model, one from elsewhere, or a handcrafted one, by its name.

    Raises:
        ModelError: there is none.
    """
    name = str(model)
    if name in HANDCRAFTED:
        return build_handcrafted(name).eval()
    return load_external(name) if is_external(name) else load(name).speech.eval()


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
    recordings: Sequence[NamedRecording],
    layer: str | None,
    tally: _Tally,
    progress: Progress | None,
) -> Iterator[RecordingFeatures]:
    """One after the other; those that fail are left out and noted."""
    for done, (name, read) in enumerate(recordings, 1):
        try:
            features = embed_audio(encoder, read(), SAMPLE_RATE, layer)
        except SeehearError as error:
            tally.failures.append(str(error) if name in str(error) else f"{name}: {error}")
            continue
        tally.recordings += 1
        tally.features += len(features)
        yield RecordingFeatures(name, features, encoder.rate)
        if progress:
            progress(done / len(recordings), name)


def _recordings(files: Iterable[Path], tally: _Tally, choice: AudioStreamChoice | None) -> Iterator[NamedRecording]:
    """Media files, those of folders, and the clips of corpora; what is not there is noted.

    Raises:
        CorpusError: a corpus is damaged.
    """
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
        found = find_media(media)
        paths = [path for path, _ in found]
        sounds = map_files(paths, partial(_read_apart, choice), 1, apart=True)  # each is taken in its turn
        yield from (NamedRecording(name, partial(_next_sound, sounds, tally)) for _, name in found)


def _read_apart(choice: AudioStreamChoice | None, path: Path, _: Callable[[float], None]) -> Sound:
    return read_sound(path, wanted=choice)


def _next_sound(sounds: Iterator[FileResult[Sound]], tally: _Tally) -> Samples:
    """The sound of the file whose turn it is.

    Raises:
        MediaError: see `_sound_of`.
    """
    file = next(sounds)
    if file.value is None:
        raise MediaError(file.error or "", code=file.code)
    return _whole(file.value, file.path, tally)


def _sound_of(path: Path, choice: AudioStreamChoice | None, tally: _Tally) -> Samples:
    """The whole sound of a media file, from the beginning of its clock; cautions go into the tally.

    Raises:
        MediaError: it cannot be read, has no sound, or samples that are not finite.
    """
    return _whole(read_sound(path, wanted=choice), path, tally)


def _whole(sound: Sound, path: Path, tally: _Tally) -> Samples:
    if not sound.duration_s:
        raise MediaError(f"{path} has no audio; name a recording, or a video with audio")
    if sound.repaired:
        raise MediaError(f"{path} has {sound.repaired} samples that are not finite; repair it or leave it out")
    if sound.silent:
        others = describe_others(sound.part, sound.others)
        tally.cautions.append(f"{path} is silent; its features are those of silence{others}")
    tally.cautions += [f"{path}: {caution}" for caution in sound.cautions]
    return sound.between(0, sound.duration_s)


def _clips(corpus: Path) -> Iterator[NamedRecording]:
    """The clips of a corpus that have sound, by the corpus's name and their keys."""
    clips = Corpus(corpus).with_sound()
    columns = ["key", "shard", "audio_offset", "audio_size"]
    for row in clips.manifest.select(columns).to_pylist():
        yield NamedRecording(f"{corpus.resolve().name}/{row['key']}", partial(_sound_of_clip, clips.roots[0], row))


def _sound_of_clip(root: CorpusRoot, row: dict[str, Any]) -> Samples:
    """The sound of a clip, its pictures left alone.

    Raises:
        CorpusError: its bytes are gone or damaged.
    """
    start = row["audio_offset"]
    try:
        return decode_sound(root.bytes(row["shard"], start, start + row["audio_size"]))
    except (OSError, MediaError) as error:
        raise CorpusError(f"clip {row['key']} of {root.name} cannot be read ({error}); prepare it again") from error
