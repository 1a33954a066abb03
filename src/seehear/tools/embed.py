"""The verb ``seehear embed``: features of any recordings, for somebody else's classifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seehear.errors import CorpusError, MediaError, SeehearError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seehear.corpus.store import Root
    from seehear.encoders.speech import SpeechEncoder
    from seehear.media.sound_part import Wanted
    from seehear.progress import Telling
    from seehear.tools.features import Embedded

    Samples = NDArray[np.float32]


class Heard(NamedTuple):
    """A recording that is to be embedded: its name, and what reads it, float32 (N,) at 16 kHz."""

    name: str
    read: Callable[[], Samples]


@dataclass
class Tally:
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

    from seehear.encoders.embed import check_layer
    from seehear.media.sound_part import Wanted
    from seehear.progress import Telling
    from seehear.tools.features import require_names, writer

    write, encoder = writer(out), encoder_of(model)
    check_layer(encoder, layer)
    tally = Tally()
    recordings = list(_recordings(files, tally, Wanted.parse(audio_stream)))
    _require_different_names(recordings)
    require_names(out, [recording.name for recording in recordings])
    with Telling("embedding", len(recordings), show=len(recordings) > 1) as telling:
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
    from seehear.encoders.external import is_external, make_external
    from seehear.encoders.handcrafted import HANDCRAFTED, make_handcrafted
    from seehear.training.run import load

    if model in HANDCRAFTED:
        return make_handcrafted(model).eval()
    return make_external(model) if is_external(model) else load(model).speech.eval()


def _require_different_names(recordings: Iterable[Heard]) -> None:
    """That no features would take the place of others: corpora in different places may bear one name.

    Raises:
        SeehearError: two recordings have the same.
    """
    name, count = max(Counter(r.name for r in recordings).items(), key=lambda found: found[1], default=("", 0))
    if count > 1:
        raise SeehearError(f"{count} recordings are called {name}; embed each of their corpora by itself")


def _embedded(
    encoder: SpeechEncoder,
    recordings: Iterable[Heard],
    layer: str | None,
    tally: Tally,
    telling: Telling,
) -> Iterator[Embedded]:
    """One after the other; those that fail are left out and noted."""
    from seehear.clip import SAMPLE_RATE
    from seehear.encoders.embed import embed_audio
    from seehear.tools.features import Embedded

    for done, (name, read) in enumerate(recordings, 1):
        try:
            features = embed_audio(encoder, read(), SAMPLE_RATE, layer)
        except SeehearError as error:
            tally.failures.append(str(error) if name in str(error) else f"{name}: {error}")
            continue
        tally.recordings += 1
        tally.features += len(features)
        yield Embedded(name, features, encoder.rate)
        telling.update(done, name)


def _recordings(files: Iterable[Path], tally: Tally, wanted: Wanted | None) -> Iterator[Heard]:
    """Media files, those of folders, and the clips of corpora; what is not there is noted.

    Raises:
        CorpusError: a corpus is damaged.
    """
    from seehear.corpus.formats.media_files import find_media
    from seehear.corpus.manifest import CORPUS_FILE

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
        yield from (Heard(name, partial(_sound_of, path, wanted, tally)) for path, name in find_media(media))


def _sound_of(path: Path, wanted: Wanted | None, tally: Tally) -> Samples:
    """The whole sound of a media file, from the beginning of its clock; cautions go into the tally.

    Raises:
        MediaError: it cannot be read, has no sound, or samples that are no numbers.
    """
    from seehear.media.sound import read_sound
    from seehear.media.sound_part import others_in_words

    sound = read_sound(path, wanted=wanted)
    if not sound.duration_s:
        raise MediaError(f"{path} has no sound; name a recording, or a video that has some")
    if sound.repaired:
        raise MediaError(f"{path} has {sound.repaired} samples that are no numbers; repair it or leave it out")
    if sound.silent:
        others = others_in_words(sound.part, sound.others)
        tally.cautions.append(f"{path} is silent; its features are those of silence{others}")
    tally.cautions += [f"{path}: {caution}" for caution in sound.cautions]
    return sound.between(0, sound.duration_s)


def _clips(corpus: Path) -> Iterator[Heard]:
    """The clips of a corpus that have sound, by the corpus's name and their keys."""
    from seehear.corpus.store import Corpus

    clips = Corpus(corpus).with_sound()
    columns = ["key", "shard", "audio_offset", "audio_size"]
    for row in clips.manifest.select(columns).to_pylist():
        yield Heard(f"{corpus.resolve().name}/{row['key']}", partial(_sound_of_clip, clips.roots[0], row))


def _sound_of_clip(root: Root, row: dict[str, Any]) -> Samples:
    """The sound of a clip, its pictures left alone.

    Raises:
        CorpusError: its bytes are gone or damaged.
    """
    from seehear.media.clipbytes import decode_sound

    start = row["audio_offset"]
    try:
        return decode_sound(root.bytes(row["shard"], start, start + row["audio_size"]))
    except (OSError, MediaError) as error:
        raise CorpusError(f"clip {row['key']} of {root.name} cannot be read ({error}); prepare it again") from error
