"""Labelled recordings from corpora and data sets; a fast reader for WAV."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.io import wavfile

from seehear.audio.recording import resample
from seehear.clip import SAMPLE_RATE
from seehear.data.corpus import Corpus, CorpusRoot
from seehear.data.datasets import Source, Span, find_sources
from seehear.data.manifest import CORPUS_FILE, LABEL_PREFIX, label_columns
from seehear.errors import CorpusError, MediaError, parse_json
from seehear.media.audio_streams import STEREO, mix_down
from seehear.media.encode import decode_sound
from seehear.media.sound import read_sound
from seehear.metrics.bootstrap import SPEAKER, Units, units_of
from seehear.progress import Progress, Stage

if TYPE_CHECKING:
    import pyarrow as pa


def units_of_manifest(manifest: pa.Table) -> Units:
    """Return the units of the clips of a corpus, without reading them."""
    column, sources = LABEL_PREFIX + SPEAKER, manifest["source"].to_pylist()
    speakers = manifest[column].to_pylist() if column in manifest.column_names else [None] * len(sources)
    return units_of(speakers, sources)


def read_whole_sound(path: Path) -> NDArray[np.float32]:
    """Read the audio of a media file at 16 kHz, its channels mixed like `seehear.media.sound.read_sound`.

    PCM in WAV is read by scipy, a hundred times faster than through FFmpeg; everything else by
    `seehear.media.sound.read_sound`.

    Returns:
        Float32 (N,), NaN where the file has NaN; empty for a file without audio.

    Raises:
        MediaError: the file cannot be read.
    """
    if path.suffix.lower() == ".wav" and (samples := _read_wav(path)) is not None:
        return samples
    sound = read_sound(path)
    samples = sound.between(0, sound.duration_s)
    if sound.repaired:
        samples[0] = np.nan  # as in the file; the reader replaces NaN by zeros
    return samples


def _read_wav(path: Path) -> NDArray[np.float32] | None:
    """Return None if scipy does not support the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are not audio
            rate, stored = wavfile.read(path)
    except (ValueError, OSError, EOFError):
        return None
    if stored.dtype.kind == "f":
        mono = stored.astype(np.float32)
    else:
        half = 2.0 ** (8 * stored.dtype.itemsize - 1)
        mono = ((stored.astype(np.float64) - (half if stored.dtype.kind == "u" else 0)) / half).astype(np.float32)
    if mono.ndim == 2 and mono.shape[1] > len(STEREO):
        return None  # the channel layout is not known here
    if mono.ndim == 2:
        mono = mix_down(mono.T, STEREO, rate)
    mono = np.ascontiguousarray(mono)
    return resample(mono, rate) if len(mono) and rate > 0 else mono


FULL_SCALE = 32767


Sound = NDArray[np.float32]


Spans = Mapping[str, list[Span]]


class CachedSound:
    """Audio that is read once and then kept as 16-bit integers, shared by all segments of it."""

    def __init__(self, read: Callable[[], Sound]) -> None:
        """Read nothing yet; ``read`` returns float32 (N,) in [-1, 1] at 16 kHz."""
        self._read = read
        self._samples: NDArray[np.int16] | None = None

    @property
    def samples(self) -> NDArray[np.int16]:
        """The samples, (N,).

        Raises:
            MediaError: it cannot be read, is empty, or has NaN or infinite values.
        """
        if self._samples is None:
            sound = self._read()
            if not len(sound):
                raise MediaError("it has no audio")
            if not np.isfinite(sound).all():
                raise MediaError("its audio has values that are not a number or infinite")
            self._samples = np.rint(sound.clip(-1, 1) * FULL_SCALE).astype(np.int16)
        return self._samples


class Recording:
    """A segment of audio and its labels.

    Attributes:
        name: unique among the recordings it came with
        source: what it is a segment of; segments of one source are not independent
        labels: label -> value, of the whole recording
    """

    def __init__(
        self,
        name: str,
        source: str,
        labels: Mapping[str, str],
        sound: CachedSound,
        spans: Callable[[], Spans] = dict,
        between: tuple[int, int] | None = None,
    ) -> None:
        """Read nothing yet; ``between`` are samples of the audio, by default all of it."""
        self.name, self.source, self.labels = name, source, labels
        self._sound, self._read_spans, self._between = sound, spans, between

    @cached_property
    def spans(self) -> Spans:
        """Labels of parts of it, in seconds from its start."""
        return self._read_spans()

    @property
    def speaker(self) -> str | None:
        """The speaker, where known."""
        return self.labels.get("speaker")

    @property
    def samples(self) -> int:
        """Number of samples.

        Raises:
            MediaError: see `CachedSound.samples`.
        """
        return len(self._stored())

    def audio(self) -> Sound:
        """Return the audio, float32 (N,) in [-1, 1] at 16 kHz.

        Raises:
            MediaError: see `CachedSound.samples`.
        """
        return np.divide(self._stored(), FULL_SCALE, dtype=np.float32)

    def _stored(self) -> NDArray[np.int16]:
        samples = self._sound.samples
        if self._between:
            samples = samples[slice(*self._between)]
            if not len(samples):
                raise MediaError("its source ends before it begins")
        return samples

    def cut(self, name: str, start_s: float, end_s: float, labels: Mapping[str, str]) -> Recording:
        """Return a segment of it, within its bounds, with its labels and additional ones."""
        first = self._between[0] if self._between else 0
        start, end = (max(0, round(s * SAMPLE_RATE)) + first for s in (start_s, end_s))
        return Recording(name, self.source, {**self.labels, **labels}, self._sound, between=(start, end))


class Recordings(Sequence[Recording]):
    """Recordings in order, and those that had to be left out.

    Attributes:
        name: where they are from, as the user gave it
        left_out: name -> reason
    """

    def __init__(self, recordings: Iterable[Recording], name: str, left_out: Mapping[str, str] | None = None) -> None:
        """Hold these recordings."""
        self._all = list(recordings)
        self.name = name
        self.left_out = dict(left_out or {})

    @classmethod
    def of(cls, paths: Path | Sequence[Path], dataset: str | None = None) -> Self:
        """Return the recordings of data sets, without reading audio.

        Args:
            paths: corpora that `seehear prepare` has made, and files and folders of the data set
            dataset: name in `seehear.data.datasets.DATASETS`, for what is no corpus; by default ``folder``

        Raises:
            CorpusError: nothing is there, or it is damaged or does not match its labels.
        """
        places = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
        corpora = [place for place in places if (place / CORPUS_FILE).is_file()]
        others = [place for place in places if place not in corpora]
        recordings: list[Recording] = []
        left_out: dict[str, str] = {}
        for corpus in corpora:
            recordings += _of_corpus(corpus, left_out, f"{corpus}/" if len(corpora) > 1 else "")
        if others:
            recordings += _of_sources(find_sources(others, dataset or "folder", prefer="sound"), left_out)
        name = ", ".join(map(str, places))
        if not recordings:
            raise CorpusError(f"{name} has no recording with audio; name a corpus or a folder that has")
        return cls(recordings, name, left_out)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Recording:  # type: ignore[override]  # subset() is what slices would be
        return self._all[index]

    def __iter__(self) -> Iterator[Recording]:
        return iter(self._all)

    def subset(self, rows: ArrayLike) -> Self:
        """Return the recordings of these rows, in this order; a bool mask works as well."""
        chosen = np.asarray(rows)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(chosen)
        return type(self)([self._all[row] for row in chosen.tolist()], self.name, self.left_out)

    def labels(self, name: str) -> list[str | None]:
        """Return one label of all of them; None for those without it."""
        return [recording.labels.get(name) for recording in self]

    def labelled(self, name: str) -> Self:
        """Return those that have a label; the others are left out for that reason.

        Raises:
            CorpusError: none has it.
        """
        known = np.array([bool(value) for value in self.labels(name)], dtype=bool)
        if not known.any():
            there = sorted({key for recording in self for key in recording.labels})
            raise CorpusError(
                f"{self.name} has no label '{name}' (it has {', '.join(there) or 'none'}); "
                "add it, or name the --dataset of the data set"
            )
        rest = {self[row].name: f"it has no label '{name}'" for row in np.flatnonzero(~known).tolist()}
        return type(self)(self.subset(known), self.name, self.left_out | rest)

    def where(self, conditions: Sequence[str]) -> Self:
        """Return those whose labels have certain values.

        Args:
            conditions: each ``label=value`` or ``label=value|other``; all of them must hold

        Raises:
            CorpusError: a condition of another form, or one that no recording meets.
        """
        kept = self
        for condition in conditions:
            label, equals, values = condition.partition("=")
            if not equals:
                raise CorpusError(f"the condition {condition!r} is not label=value; write for instance language=en-us")
            kept = kept.subset(np.array([value in values.split("|") for value in kept.labels(label)], dtype=bool))
            if not kept:
                raise CorpusError(f"{self.name} has no recording with {condition}; check the label and its values")
        return kept

    def with_readable_sound(self, progress: Progress | None = None) -> Self:
        """Return those whose audio can be read, and read it; the others are left out and listed.

        Raises:
            CorpusError: none can be read.
        """
        kept: list[Recording] = []
        left_out = dict(self.left_out)
        stage = Stage(progress, f"reading {self.name}", len(self))
        for done, recording in enumerate(self, 1):
            try:
                _ = recording.samples
            except MediaError as error:
                left_out[recording.name] = str(error)
            else:
                kept.append(recording)
            stage.update(done, f"{done} recordings")
        if not kept:
            first = next(iter(left_out.items()))
            raise CorpusError(f"none of the recordings of {self.name} can be used; {first[0]}: {first[1]}")
        return type(self)(kept, self.name, left_out)


def _of_corpus(path: Path, left_out: dict[str, str], prefix: str) -> list[Recording]:
    """Return a recording for each clip."""
    corpus = Corpus(path)
    table = corpus.manifest
    names = label_columns(table)
    labels = [dict(zip(names, row, strict=True)) for row in zip(*(corpus.labels(n) for n in names), strict=True)]
    rows = []
    for number, row in enumerate(table.select(_PLACE).to_pylist()):
        name = prefix + row["key"]
        if not row["has_sound"]:
            left_out[name] = "its source has no sound"
            continue
        known = {key: value for key, value in labels[number].items() if value} if names else {}
        sound = CachedSound(partial(_clip_sound, corpus.roots[0], row))
        rows.append(Recording(name, prefix + row["source"], known, sound, partial(clip_spans, corpus.roots[0], row)))
    return rows


_PLACE = ["key", "source", "has_sound", "shard", "audio_offset", "audio_size", "meta_offset", "meta_size"]


def _clip_sound(root: CorpusRoot, row: Mapping[str, int]) -> Sound:
    return decode_sound(_member(root, row, "audio"))


def clip_spans(root: CorpusRoot, row: Mapping[str, int]) -> Spans:
    """Return the labels of parts of a clip, in seconds from its start, given its row of the manifest.

    Raises:
        CorpusError: the shard is missing or damaged.
    """
    try:
        stored = parse_json(_member(root, row, "meta")).get("spans", {})
        return {kind: [Span(*span) for span in spans] for kind, spans in stored.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise CorpusError(f"a clip of {root.name} has damaged labels ({error}); prepare the corpus again") from error


def _member(root: CorpusRoot, row: Mapping[str, int], member: str) -> bytes:
    start, size = row[f"{member}_offset"], row[f"{member}_size"]
    try:
        data = root.bytes(row["shard"], start, start + size)
    except OSError as error:
        raise CorpusError(f"a shard of {root.name} cannot be read ({error}); prepare the corpus again") from error
    if len(data) != size:
        raise CorpusError(f"shard {row['shard']} of {root.name} is shorter than its manifest says; prepare it again")
    return data


def _of_sources(sources: Sequence[Source], left_out: dict[str, str]) -> list[Recording]:
    """Return a recording for each media file."""
    left_out |= {source.name: source.problem for source in sources if source.problem}
    return [
        Recording(s.name, s.name, s.labels, CachedSound(partial(read_whole_sound, s.path)), partial(dict, s.spans))
        for s in sources
        if not s.problem
    ]
