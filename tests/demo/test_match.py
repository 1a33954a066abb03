"""A voice and faces for it: who is heard, who is seen, and what becomes of films that cannot be used."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from seehear.apps.match import Candidate, FailedCandidate, MatchRanking
from seehear.clip import Clip
from seehear.demo import match
from seehear.demo.match import play_games
from seehear.errors import CorpusError, MediaError

PEOPLE = ["anna", "ben", "carla", "dora", "emil"]


class HeldOut:
    """Clips of people, as much of a corpus as a game asks for: everybody's first film, then everybody's second."""

    def __init__(self, people: list[str]) -> None:
        self.rows = [(person, number) for number in (1, 2) for person in people]

    def split(self, part: str, every: int, by: str) -> Self:
        assert (part, by) == ("dev", "speaker")
        return self

    def with_sound(self) -> Self:
        return self

    def labels(self, name: str) -> list[str]:
        return [person for person, _ in self.rows]

    def __getitem__(self, row: int) -> Clip:
        person, number = self.rows[row]
        video = np.zeros((1, 8, 8, 3), np.uint8)
        meta = {"source": f"far/away/{person}{number}.mp4"}
        return Clip(video, np.zeros((1, 5, 2), np.float32), np.zeros(640, np.float32), meta)


def ranked(query: Path, candidates: list[Path], *, model: object, drawn_faces: bool) -> MatchRanking:
    """In the order of the alphabet."""
    assert drawn_faces
    return MatchRanking(query, "voice", tuple(Candidate(path, 0.1, 0.25) for path in sorted(candidates)))


def name_of(clip: Clip) -> str:
    return Path(clip.meta["source"]).stem


@pytest.fixture(autouse=True)
def held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "Corpus", lambda path: HeldOut(PEOPLE))
    monkeypatch.setattr(match, "load_identity_model", lambda name: name)
    monkeypatch.setattr(match, "match", ranked)


def test_of_everybody_another_film_is_seen_than_is_heard() -> None:
    played = play_games(Path("run"), Path("corpus"), Path("films"), seed=3)
    assert len(played.games) == match.GAMES
    for game in played.games:
        faces = [name_of(clip) for clip in game.faces]
        assert faces == sorted(set(faces))  # as they were ranked, nobody twice
        assert len(faces) == match.CHOICES
        assert name_of(game.voice) == faces[game.correct].replace("2", "1")
    assert len({name_of(game.voice) for game in played.games}) > 1


def test_films_are_looked_for_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def recorded(query: Path, candidates: list[Path], **options: Any) -> MatchRanking:
        asked.extend([query, *candidates])
        return ranked(query, candidates, **options)

    monkeypatch.setattr(match, "match", recorded)
    play_games(Path("run"), Path("corpus"), Path("films"), seed=3)
    assert {path.parent for path in asked} == {Path("films")}


def test_too_few_people_play_no_game(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "Corpus", lambda path: HeldOut(PEOPLE[:3]))
    assert play_games(Path("run"), Path("corpus"), Path("films"), seed=3).games == []


def test_a_game_that_cannot_be_played_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(query: Path, candidates: list[Path], **options: Any) -> MatchRanking:
        raise MediaError(f"there is no speech in {query}")

    def faceless(query: Path, candidates: list[Path], **options: Any) -> MatchRanking:
        return replace(ranked(query, candidates[1:], **options), failed=(FailedCandidate(candidates[0], "no"),))

    for broken in (mute, faceless):
        monkeypatch.setattr(match, "match", broken)
        assert play_games(Path("run"), Path("corpus"), Path("films"), seed=3).games == []


@pytest.mark.parametrize(("there", "plays"), [(["match-small", "sync-small"], "match-small"), (["sync-small"], "run")])
def test_the_package_s_model_plays_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, there: list[str], plays: str
) -> None:
    monkeypatch.setattr(match, "packaged_models", lambda: there)
    assert play_games(Path("run"), Path("corpus"), Path("films"), seed=3).model == plays


def test_what_cannot_be_measured_is_told() -> None:
    def measure() -> int:
        raise CorpusError("one person only")

    assert match._result_or_reason(measure) == "one person only"
    assert match._result_or_reason(lambda: 3) == 3
