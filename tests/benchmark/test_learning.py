import re

import pytest

from seehear.benchmark.page_figures import MAX_POINTS, _at_common_steps, learning_curves, read_run

METRICS = """step,loss,matched,lr,gradient,frames_per_s,voice_eer
0,,,,,,0.4
20,4.0,0.1,0.001,1.0,100,
40,3.0,0.2,0.001,1.0,100,
60,2.0,0.3,0.001,1.0,100,0.2
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "metrics.csv").write_text(METRICS)
    return read_run(tmp_path)


def labels(figure):
    return re.findall(r"<text[^>]*>([^<]*)</text>", figure.svg)


def test_a_run_has_the_numbers_that_say_something(run):
    assert run["loss"] == [(20, 4), (40, 3), (60, 2)]
    assert run["voice_eer"] == [(0, 0.4), (60, 0.2)]
    assert "lr" not in run
    assert "frames_per_s" not in run


def test_a_run_that_has_not_begun_has_none(tmp_path):
    assert read_run(tmp_path) == {}
    (tmp_path / "metrics.csv").write_text("step,loss\n")
    assert read_run(tmp_path) == {}


def test_panels_are_the_loss_and_what_was_measured_on_other_clips_first(run):
    run = run | {"more": run["loss"], "face_auc": run["voice_eer"]}
    told = labels(learning_curves("match", {"one": [run], "two": [run, run]}))
    assert [one for one in told if one in ("loss", "voice eer", "face auc")] == ["loss", "voice eer", "face auc"]
    assert "matched" not in told  # of the clips that are trained on: the loss says as much
    assert {"one", "two"} <= set(told)


def test_without_a_probe_the_numbers_of_the_training_are_shown(run):
    told = labels(learning_curves("match", {"one": [{name: run[name] for name in ("matched", "loss")}]}))
    assert [one for one in told if one in ("loss", "matched")] == ["loss", "matched"]


def test_nothing_learned_is_no_figure():
    assert learning_curves("match", {"one": [{}]}) is None


def test_seeds_are_compared_as_far_as_all_have_come():
    far = [(float(step), step / 10) for step in range(0, 1000, 10)]
    steps, values = _at_common_steps([far, [(0.0, 3.0), (95.0, 3.0)]])
    assert steps.tolist() == list(range(0, 100, 10))
    assert values.tolist() == [[step / 10 for step in steps], [3.0] * 10]


def test_long_curves_keep_their_ends():
    steps, _ = _at_common_steps([[(float(step), 1.0) for step in range(5000)]])
    assert len(steps) == MAX_POINTS
    assert (steps[0], steps[-1]) == (0, 4999)
