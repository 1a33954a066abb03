"""What adapting gained: sync accuracy before and after on clips that were not learned from, with paired intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from seehear.adaptation.verdict import Gain
from seehear.clip import Clip
from seehear.corpus.store import Corpus
from seehear.pretext.lipsync import LipSync
from seehear.progress import Telling
from seehear.tasks.significance import SHARE, difference_bounds, interval
from seehear.tasks.sync import Accuracy, evaluate_sync
from seehear.tasks.units import Units, each_alone, units_of_metas
from seehear.threads import torch_threads_kept
from seehear.tools.batch import use_one_thread

LENGTHS = (5, 15)
"""K: consecutive moments whose distances are averaged, 0.2 and 0.6 s."""


LEAST_UNITS = 5
"""With fewer people (or sources) an interval over them says nothing. Then it is over clips: it tells how sure the gain
is on these people, and nothing of others."""


def gains(before: LipSync, after: LipSync, clips: Corpus, what: str, progress: bool = True) -> tuple[Gain, ...]:
    """Sync accuracy of two models on the same clips, by the papers' protocol (`seehear.tasks.sync`).

    The truth is offset 0: each source's own delay, measured on all of its moments together, has been undone in the
    clips, for both models alike.

    Args:
        before, after: in evaluation mode.
        clips: that neither was chosen by.
        what: is measured, for the progress.
        progress: tell how far it is, on the error stream.

    Returns:
        One for each K that a clip is long enough for.
    """
    with torch_threads_kept(), Telling(f"measuring {what}", 2 * len(clips), show=progress) as telling:
        use_one_thread()
        done = 0

        def tell(number: int) -> None:
            telling.update(done + number, f"{done + number}/{2 * len(clips)} clips")

        old = evaluate_sync(before, _told(clips, tell), LENGTHS, _units)
        done = len(clips)
        new = evaluate_sync(after, _told(clips, tell), LENGTHS, _units)
    return tuple(_gain(*pair, old.units) for pair in zip(old.by_length, new.by_length, strict=True))


def _told(clips: Corpus, tell: Callable[[int], None]) -> Iterator[Clip]:
    for number, clip in enumerate(clips):
        tell(number)
        yield clip


def _units(metas: Sequence[Mapping[str, Any]]) -> Units:
    """People or sources, if there are enough of them to be compared; else clips."""
    found = units_of_metas(metas)
    return found if len(found) >= LEAST_UNITS else each_alone(len(metas))


def _gain(before: Accuracy, after: Accuracy, kind: str) -> Gain:
    difference = after.accuracy - before.accuracy
    draws = after.draws - before.draws  # the same units are drawn the same way for both
    low, high = interval(difference, draws, before.units, difference_bounds(SHARE))
    return Gain(
        frames=before.frames,
        before=before.accuracy,
        before_interval=_ends(before.low, before.high),
        after=after.accuracy,
        after_interval=_ends(after.low, after.high),
        difference=difference,
        interval=_ends(low, high),
        windows=before.windows,
        units=before.units,
        kind=kind,
    )


def _ends(low: float, high: float) -> tuple[float, float] | None:
    return None if math.isnan(low) or math.isnan(high) else (low, high)
