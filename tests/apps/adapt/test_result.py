from dataclasses import replace

import pytest

from seehear.apps.adapt.result import Gain, verdict_sentence

BETTER = Gain(15, 0.60, (0.5, 0.7), 0.81, (0.75, 0.87), 0.21, (0.15, 0.26), 900, 9, "sources")
SMALL = replace(BETTER, after=0.61, difference=0.01, interval=(-0.04, 0.06))
WORSE = replace(BETTER, after=0.5, difference=-0.1, interval=(-0.16, -0.04))
ALONE = replace(BETTER, interval=None, before_interval=None, after_interval=None, units=1)
OTHER_K = replace(BETTER, frames=5)


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ([OTHER_K, BETTER], "better by 21 points [15, 26] on your videos; use --model adapted"),
        (
            [replace(BETTER, interval=(0.002, 0.356))],
            "better by 21 points [0.2, 36] on your videos; use --model adapted",
        ),
        ([OTHER_K, SMALL], "no better for sure on your videos (+1 points [-4, 6]): keep sync-small"),
        ([replace(SMALL, difference=-0.01)], "no better on your videos (-1 points [-4, 6]): keep sync-small"),
        ([OTHER_K, WORSE], "worse by 10 points [-16, -4] on your videos: keep sync-small"),
        (
            [ALONE],
            "21 points better on your videos, but 1 source file cannot show how sure that is; "
            "to try it on others, use --model adapted",
        ),
        (
            [OTHER_K],
            "cannot tell whether it is better: no held-out clip is as long as 2.2 s; to try it, use --model adapted",
        ),
    ],
)
def test_the_sentence_says_what_the_figures_say(gains: list[Gain], said: str) -> None:
    assert verdict_sentence(gains, [], "sync-small", "adapted") == said


def test_what_was_forgotten_is_told() -> None:
    lost = replace(WORSE, difference=-0.1)
    said = verdict_sentence([BETTER], [lost], "sync-small", "my run")
    assert said == (
        "better by 21 points [15, 26] on your videos (but worse by 10 points at K = 15 on what it knew before); "
        "use --model 'my run'"
    )
    assert "worse" not in verdict_sentence(
        [BETTER], [replace(lost, difference=-0.02, interval=(-0.03, -0.01))], "m", "r"
    )


def test_stretches_of_the_same_videos_are_called_so() -> None:
    said = verdict_sentence([BETTER], [], "sync-small", "adapted", within=True)
    assert said.startswith("better by 21 points [15, 26] on held-out stretches of your videos")
