from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from seehear.apps.adapt.data import Useless, shared_time, speech_share, unusable_reason
from seehear.clip import SAMPLE_RATE


class Clips:
    """Stands in for a corpus: rows of source, track, start_s, frames; the sound is the same for all."""

    def __init__(self, rows: list[tuple[str, int, float, int]], audio: np.ndarray) -> None:
        names = ("source", "track", "start_s", "frames")
        self.manifest = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        self.audio = audio

    def __len__(self) -> int:
        return int(self.manifest.num_rows)

    def __getitem__(self, row: int) -> SimpleNamespace:
        return SimpleNamespace(audio=self.audio)


SILENCE = np.zeros(4 * SAMPLE_RATE, np.float32)


def test_time_is_shared_with_other_faces_of_the_same_source_only() -> None:
    rows = [("a", 0, 0.0, 100), ("a", 1, 3.0, 100), ("a", 0, 8.0, 50), ("b", 0, 0.0, 100)]
    np.testing.assert_allclose(shared_time(Clips(rows, SILENCE)), [0.25, 0.25, 0, 0])  # type: ignore[arg-type]


def test_each_useless_clip_has_its_reason() -> None:
    rows = [("a", 0, 0.0, 100), ("a", 1, 3.0, 100), ("b", 0, 0.0, 100), ("b", 1, 8.0, 50)]
    clips = Clips(rows, SILENCE)
    found = unusable_reason(clips, {"b": (1,)})  # type: ignore[arg-type]
    assert found == [Useless.SEVERAL, Useless.SEVERAL, Useless.SILENT, Useless.LISTENS]


def test_speech_is_told_from_silence(films) -> None:  # type: ignore[no-untyped-def]
    from seehear.media.sound import read_sound

    sound = read_sound(next(films.glob("s*.mp4")), 0.0)
    assert speech_share(sound.between(0, 3)) > 0.5
    assert speech_share(SILENCE) == 0.0
