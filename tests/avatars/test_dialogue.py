"""People side by side: who speaks is known to the picture, and whoever does not, does not move the mouth with it."""

import csv
import hashlib
import json

import numpy as np
import pytest

from seehear.avatars.dialogue import PAUSE_S, DialogueTurn, active_speakers, plan_dialogue
from seehear.avatars.make import synthesize_dialogues
from seehear.clip import SAMPLES_PER_FRAME
from seehear.errors import SeehearError

pytest.importorskip("espeakng_loader")


@pytest.fixture(scope="module")
def duet():
    return plan_dialogue(3, 1, 8, 8.0)


def test_the_truth_says_who_speaks_in_the_middle_of_each_picture():
    turns = [DialogueTurn(1, 0.0, 0.061), DialogueTurn(0, 0.11, 0.2)]
    assert active_speakers(turns, 6).tolist() == [1, 1, -1, 0, 0, -1]


def test_no_two_people_speak_at_the_same_time_and_pauses_part_turns(duet):
    for before, after in zip(duet.turns, duet.turns[1:], strict=False):
        assert before.stop_s <= after.start_s + 1e-6
        if before.place == after.place:
            assert after.start_s - before.stop_s > PAUSE_S
    assert {turn.place for turn in duet.turns} == {0, 1}
    assert duet.turns[0].start_s >= 0
    assert duet.turns[-1].stop_s <= 8.0


def test_all_are_different_people_in_pictures_of_one_size_with_one_sound(duet):
    one, other = duet.takes
    assert one.person.number != other.person.number
    assert (one.framing.width, one.framing.height) == (other.framing.width, other.framing.height)
    assert one.sound is other.sound
    assert len(duet.sound) == 200 * SAMPLES_PER_FRAME
    first = next(duet.pictures())
    assert first.shape == (one.framing.height, 2 * one.framing.width, 3)


def test_it_is_loud_where_somebody_speaks(duet):
    level = np.square(duet.sound.reshape(200, -1)).mean(1)
    speakers = duet.speakers()
    assert np.median(level[speakers >= 0]) > 4 * np.median(level[speakers < 0])


def test_lips_move_most_in_ones_own_turns(duet):
    speakers = duet.speakers()
    for place, take in enumerate(duet.takes):
        jaw = np.abs(np.diff([mouth.jaw for mouth in take.mouths], prepend=take.mouths[0].jaw))
        assert jaw[speakers == place].mean() > 2 * jaw[speakers == 1 - place].mean()


def test_who_listens_lives(duet):
    speakers = duet.speakers()
    for place, take in enumerate(duet.takes):
        listening = speakers != place
        assert np.ptp(take.motion.yaw[listening]) > 0
        assert np.ptp(take.motion.lids[listening]) > 0


def test_words_and_phonemes_are_on_the_clock_of_the_film(duet):
    for place, take in enumerate(duet.takes):
        own = [turn for turn in duet.turns if turn.place == place]
        for word in take.words:
            assert any(turn.start_s - 0.31 <= word.start_s <= turn.stop_s for turn in own)


def test_three_people_take_turns():
    trio = plan_dialogue(5, 0, 6, 6.0, people=3)
    assert len(trio.takes) == 3
    assert all(0 <= turn.place < 3 for turn in trio.turns)
    assert all(
        a.place != b.place or b.start_s - a.stop_s > PAUSE_S for a, b in zip(trio.turns, trio.turns[1:], strict=False)
    )


def rows(folder):
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_films_and_a_table_with_their_turns(tmp_path):
    made = synthesize_dialogues(tmp_path / "one", clips=2, speakers=4, seed=6, seconds=2.0, workers=2)
    synthesize_dialogues(tmp_path / "other", clips=2, speakers=4, seed=6, seconds=2.0, workers=1)
    assert digests(tmp_path / "one") == digests(tmp_path / "other")
    assert [path.name for path in made] == ["d000000.mp4", "d000001.mp4"]
    for row in rows(tmp_path / "one"):
        assert len(set(json.loads(row["speakers"]))) == 2
        for place, start_s, stop_s in json.loads(row["turns"]):
            assert place in (0, 1)
            assert 0 <= start_s < stop_s <= 2.0
    assert synthesize_dialogues(tmp_path / "one", clips=2, speakers=4, seed=6, seconds=2.0) == made


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"people": 1}, "2 to 6"),
        ({"people": 7}, "2 to 6"),
        ({"speakers": 1}, "as many speakers"),
        ({"clips": 0}, "one"),
    ],
)
def test_absurd_numbers_are_told(asked, said, tmp_path):
    with pytest.raises(SeehearError, match=said):
        synthesize_dialogues(tmp_path / "new", **asked)
    assert not (tmp_path / "new").exists()
