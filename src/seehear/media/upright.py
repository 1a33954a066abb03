"""Pictures that are stored on their side or upside down without saying so: the faces in them tell which way is up.

The detector finds turned faces, too, with landmarks as if they were upright: what is cut out by these is no mouth. But
it is surer of upright ones. So in the first pictures with a face it looks at all four ways up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from seehear.clip import FPS
from seehear.media.faces import Detector
from seehear.media.picture import Picture

SIDE = 320
"""Long side of the copy that is looked at, px."""

VOTES = 3
"""Pictures that have to agree."""

EVERY = 5
"""Pictures from one look to the next, once there is a face."""

FIRST, PATIENT = FPS, 2 * FPS
"""For so many pictures a face is looked for that often; then only in every so-manieth one."""

SURE = 0.8
"""Score from which a face counts: upright ones have about 0.93, turned ones up to 0.91 and mostly none."""

LEAD = 0.02
"""By how much the score of a face must be higher the other way up. On 75 films upright faces lead by 0.035 at least."""


def scores(small_bgr: NDArray[np.uint8], detector: Detector) -> NDArray[np.float64]:
    """The best face's score with a picture turned clockwise by 0, 90, 180 and 270 degrees, (4,); 0 without a face."""
    found = (detector(np.ascontiguousarray(np.rot90(small_bgr, -turns))) for turns in range(4))
    return np.array([max((face.score for face in faces), default=0.0) for faces in found])


def quarter_turns(votes: list[NDArray[np.float64]]) -> int:
    """By how many quarters pictures must be turned clockwise, 0 to 3, given the `scores` of some of them."""
    if not votes:
        return 0
    mean = np.mean(votes, axis=0)
    best = int(mean.argmax())
    agreed = all(int(vote.argmax()) == best for vote in votes)
    return best if agreed and mean[best] - mean[0] >= LEAD else 0


def upright(
    shots: Iterator[tuple[Picture, bool]], detector: Detector, tell: Callable[[int], None]
) -> Iterator[tuple[Picture, bool]]:
    """Pass pictures on, each with whether it is the first of a shot; turned, if the first faces are not upright.

    Until that is known, the pictures since the first face are held back: about `VOTES` times `EVERY`.

    Args:
        shots: as of `seehear.media.shots.split_shots`.
        detector: of faces.
        tell: called with the number of quarter turns, clockwise, if there are any.
    """
    votes: list[NDArray[np.float64]] = []
    held: list[tuple[Picture, bool]] = []
    turns: int | None = None
    seen = 0
    for picture, first in shots:
        if turns is not None:
            yield picture.turned(turns), first
            continue
        if seen % (EVERY if votes or seen < FIRST else PATIENT) == 0:
            vote = scores(picture.small_bgr(SIDE)[0], detector)
            votes += [vote] * bool(vote.max() >= SURE)
        seen += 1
        if not votes:
            yield picture, first
            continue
        held.append((picture, first))
        if len(votes) == VOTES or len(held) > 3 * VOTES * EVERY:
            turns = quarter_turns(votes)
            yield from _turned(held, turns, tell)
            held = []
    if turns is None:
        yield from _turned(held, quarter_turns(votes), tell)


def _turned(
    held: list[tuple[Picture, bool]], turns: int, tell: Callable[[int], None]
) -> Iterator[tuple[Picture, bool]]:
    if turns:
        tell(turns)
    for number, (picture, first) in enumerate(held):
        yield picture.turned(turns), first or (number == 0 and turns > 0)  # what came before was turned otherwise


def in_words(turns: int) -> str:
    """What the user is told of pictures that had to be turned clockwise by so many quarters."""
    lies = "upside down" if turns == 2 else "on its side"
    return f"the picture is stored {lies}, without a flag that says so: it was turned by {90 * turns} degrees clockwise"
