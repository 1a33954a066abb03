from pathlib import Path

import numpy as np
import pytest

from seehear.apps.adapt import data, stages
from seehear.apps.adapt.data import given, repeats
from seehear.data.corpus import Corpus
from seehear.errors import CorpusError, SeehearError


@pytest.mark.parametrize(("new", "old"), [(4500, 4500), (9000, 4500), (3375, 4500), (30000, 4500), (120000, 4500)])
def test_old_clips_are_about_a_quarter(new: int, old: int) -> None:
    often, seldom = repeats(new, old)
    assert 0.18 <= seldom * old / (often * new + seldom * old) <= 0.32
    assert repeats(new, 0) == (1, 0)


def test_people_who_are_measured_are_not_learned_from(old_corpus: Path) -> None:
    old = given(old_corpus)
    people = np.array(Corpus(old_corpus).labels("speaker"))
    assert old.what == "old-people"
    assert len(old.learned) + len(old.held_out) == len(people)
    assert not set(people[old.learned]) & set(people[old.held_out])


def test_what_is_no_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a corpus"):
        given(tmp_path)


def test_without_voices_it_goes_on_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise SeehearError("Avatars speak with eSpeak NG, which is not installed: pip install 'seehear[avatars]'.")

    monkeypatch.setattr(data, "require_espeak", missing)
    asked = stages.AdaptOptions(tmp_path, 1.0, "sync-small", None, 0.7, 0, 1, False)
    again, notes = stages._replayed(asked)
    assert again is None
    assert notes[0].startswith("nothing of the old material is learned again")
    assert "seehear[avatars]" in notes[0]
