"""What a lip reader looks at: clips of a corpus, and words in them. Sound is never asked for; there need not be any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from seehear.clip import FPS
from seehear.corpus.manifest import LABEL_PREFIX, label_columns
from seehear.corpus.store import Corpus
from seehear.errors import MediaError
from seehear.tasks.isolated import LABEL, SPANS, isolated_words
from seehear.tasks.lipreading.window import SHORTEST
from seehear.tasks.recordings import KeptSound, Recording, Recordings, Sound, Spans, clip_spans


class Sight(Recording):
    """A clip, or a word in it, that is seen.

    Attributes:
        clip: its row in the corpus.
        length: of the clip, in video frames.
        between_s: when the word begins and ends, in seconds on the clip's clock; None where nobody knows.
        whole: whether the clip is of this word alone.
    """

    def __init__(
        self,
        name: str,
        source: str,
        labels: Mapping[str, str],
        clip: int,
        length: int,
        spans: Callable[[], Spans] = dict,
        between_s: tuple[float, float] | None = None,
        whole: bool = True,
    ) -> None:
        """Reads nothing yet."""
        super().__init__(name, source, labels, KeptSound(_unheard), spans)
        self.clip, self.length, self.between_s, self.whole = clip, length, between_s, whole

    def cut(self, name: str, start_s: float, end_s: float, labels: Mapping[str, str]) -> Sight:
        """A word of the clip."""
        both = {**self.labels, **labels}
        return Sight(name, self.source, both, self.clip, self.length, between_s=(start_s, end_s), whole=False)

    def of_one_word(self) -> Sight:
        """The same clip with the times of its word, where it knows them and of this one only."""
        times = [
            (s.start_s, s.end_s) for s in self.spans.get(SPANS, ()) if s.text.lower() == self.labels[LABEL].lower()
        ]
        between_s = times[0] if len(times) == 1 else None
        return Sight(self.name, self.source, self.labels, self.clip, self.length, between_s=between_s)


def words_seen(
    corpus: Corpus,
    where: Sequence[str] = (),
    vocabulary: int | None = None,
    min_count: int = 10,
    min_speakers: int = 1,
) -> Recordings:
    """The words that can be seen in a corpus: `Sight`s with the label ``word``.

    Clips with that label are of one word each; out of the others words are cut where their times are known. Words that
    are shorter than two video frames, or that their clip does not show to the end, are left out and named.

    Args:
        corpus: of faces.
        where, vocabulary, min_count, min_speakers: see `Recordings.where` and `isolated_words`.

    Raises:
        CorpusError: no faces, neither words nor their times, or fewer than two words are left.
    """
    clips = _clips(corpus).where(where)
    words = isolated_words(clips, min_count=1)
    seen = [word for word in words if isinstance(word, Sight)]
    left_out = {word.name: problem for word in seen if (problem := _problem(word))}
    kept = [word.of_one_word() if word.whole else word for word in seen if word.name not in left_out]
    return isolated_words(Recordings(kept, words.name, words.left_out | left_out), vocabulary, min_count, min_speakers)


def _problem(word: Sight) -> str:
    """Why it cannot be read, if it cannot."""
    if word.length < SHORTEST:
        return f"its clip has {word.length} video frames, and a word needs {SHORTEST}"
    if word.between_s and word.between_s[1] > (word.length + 0.5) / FPS and not word.whole:
        return f"the word {word.labels[LABEL]!r} goes on where its clip ends"
    return ""


def _clips(corpus: Corpus) -> Recordings:
    """A `Sight` a clip."""
    names = label_columns(corpus.with_faces().manifest)
    sights: list[Recording] = []
    left_out = {}
    for clip, row in enumerate(corpus.manifest.to_pylist()):
        root = corpus.roots[row["corpus"]]
        prefix = f"{root.name}/" if len(corpus.roots) > 1 else ""
        if not row["video_size"]:
            left_out[prefix + row["key"]] = "it is sound alone"
            continue
        labels = {name: row[LABEL_PREFIX + name] for name in names if row[LABEL_PREFIX + name]}
        spans = partial(clip_spans, root, row)
        sights.append(Sight(prefix + row["key"], prefix + row["source"], labels, clip, row["frames"], spans))
    return Recordings(sights, str(corpus), left_out)


def _unheard() -> Sound:
    raise MediaError("it is looked at, and nobody listens")
