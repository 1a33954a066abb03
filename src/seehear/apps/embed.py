"""`embed`: features of speech, for one recording in memory or for many in a file."""

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

from seehear.atomic_io import MAX_NAME_BYTES, atomic_write
from seehear.clip import SAMPLE_RATE
from seehear.data.corpus import Corpus, CorpusRoot
from seehear.data.datasets import find_media
from seehear.data.manifest import CORPUS_FILE
from seehear.errors import CorpusError, MediaError, SeehearError, check_writable, os_errors_as_user_errors
from seehear.media.arrays import resample_array
from seehear.media.audio_streams import AudioStreamChoice, describe_others
from seehear.media.encode import decode_sound
from seehear.media.sound import read_sound
from seehear.models.store import load
from seehear.nn.embed import check_layer, embed_audio
from seehear.nn.external import is_external, load_external
from seehear.nn.handcrafted import HANDCRAFTED, build_handcrafted
from seehear.nn.interface import SpeechEncoder
from seehear.progress import Progress
from seehear.results import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

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


@dataclass(frozen=True, repr=False)
class EmbedResult(Result):
    """Features that were written.

    Attributes:
        path: file or folder that they are in.
        recordings: how many gave features.
        features: how many there are in all.
        width: numbers in a feature.
        rate: features a second.
        failures: a sentence for each recording that gave none.
        cautions: sentences on some that gave features.
    """

    SHOWN = ("path", "recordings", "features", "width", "rate")

    path: Path
    recordings: int
    features: int
    width: int
    rate: int
    failures: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence for each recording that gave no features."""
        return self.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "out": str(self.path),
            "recordings": self.recordings,
            "features": self.features,
            "width": self.width,
            "rate": self.rate,
            "failed": list(self.failures),
            "cautions": list(self.cautions),
        }

    def __rich__(self) -> RenderableType:
        from rich.text import Text

        count = f"{self.recordings} recording{'s' if self.recordings != 1 else ''}: {self.features} features"
        text = Text(f"{count} of {self.width} numbers, {self.rate} a second, are in {self.path}")
        for caution in self.cautions:
            text.append(f"\nCaution: {caution}", style="yellow")
        return text


@dataclass
class _Tally:
    """What is counted while features are written."""

    recordings: int = 0
    features: int = 0
    failures: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)


def embed(
    recordings: str | os.PathLike[str] | NDArray[np.floating] | NDArray[np.integer],
    *,
    model: str | Path | SpeechEncoder = "sync-small",
    layer: str | None = None,
    audio_stream: str | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> RecordingFeatures:
    """Compute what an encoder of speech makes of one recording: 25 features a second, 100 for mfcc and logmel.

    Args:
        recordings: an audio or video file; or samples in memory, (N,) or (N, channels).
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub; mfcc or logmel; an encoder
            from elsewhere: python:MODULE:CALLABLE@RATE or transformers:NAME[@LAYER]; or a loaded encoder.
        layer: which layer of the encoder; by default its own choice.
        audio_stream: which stream of the file, from 1, and perhaps which channel: 2 or 2:left; by default the one that
            a player would choose, or the first that is not silent.
        sample_rate: of samples in memory, Hz.

    Returns:
        ``features`` float32 (N, width), and their ``rate`` a second.

    Raises:
        MediaError: the file cannot be read or has no sound, or the array is no audio.
        ModelError: there is no such model or layer.
    """
    encoder = encoder_of(model) if isinstance(model, (str, Path)) else model
    check_layer(encoder, layer)
    if isinstance(recordings, (str, os.PathLike)):
        name = Path(recordings).stem
        audio = _sound_of(Path(recordings), AudioStreamChoice.parse(audio_stream), _Tally())
    else:
        name, audio = "array", resample_array(recordings, sample_rate)
    return RecordingFeatures(name, embed_audio(encoder, audio, SAMPLE_RATE, layer), encoder.rate)


def write_features(
    model: str | Path | SpeechEncoder,
    files: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    layer: str | None = None,
    audio_stream: str | None = None,
    progress: Progress | None = None,
) -> EmbedResult:
    """Write speech features of recordings to a file: 25 features a second, 100 for mfcc and logmel.

    A .parquet file has a row a feature: file, time_s, f0, f1, ... A .npz file has an array (N, width) a recording, by
    its name. Anything else is a folder, with a file NAME.npy a recording. What cannot be read is recorded and left out.

    Args:
        model: folder of a run, name of a model, or hf:owner/name on the Hugging Face hub; mfcc or logmel; or an
            encoder from elsewhere: python:MODULE:CALLABLE@RATE or transformers:NAME[@LAYER].
        files: recordings or videos, folders of them, and corpora that "seehear prepare" has made.
        out: a .parquet file, a .npz file, or a folder.
        layer: which layer of the encoder; by default its own choice. The error for an unknown one lists them.
        audio_stream: which stream of every file, from 1, and perhaps which channel: 2 or 2:left; by default the one
            that a player would choose, or the first that is not silent.
        progress: called with the share that is done, 0 to 1, and the recording.

    Raises:
        SeehearError: nothing can be written there, or two recordings have one name.
        ModelError: there is no such model or layer.
        CorpusError: a corpus is damaged.
    """
    out = Path(out)
    encoder = encoder_of(model) if isinstance(model, (str, Path)) else model
    write = feature_writer(out)
    check_layer(encoder, layer)
    tally = _Tally()
    recordings = list(_recordings([Path(file) for file in files], tally, AudioStreamChoice.parse(audio_stream)))
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


def _recordings(files: Iterable[Path], tally: _Tally, wanted: AudioStreamChoice | None) -> Iterator[NamedRecording]:
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
        yield from (NamedRecording(name, partial(_sound_of, path, wanted, tally)) for path, name in find_media(media))


def _sound_of(path: Path, wanted: AudioStreamChoice | None, tally: _Tally) -> Samples:
    """The whole sound of a media file, from the beginning of its clock; cautions go into the tally.

    Raises:
        MediaError: it cannot be read, has no sound, or samples that are no numbers.
    """
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
