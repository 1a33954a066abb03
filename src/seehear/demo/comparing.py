"""What a table of encoders says, in words: which is better, which is worse, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from seehear.tasks.significance import Comparison

CLEAR = 0.05  # p below which a difference is told as one


def difference(one: Comparison) -> str:
    """By how many points a model is better, or where lower is better by how many it is lower, and how sure that is."""
    p = f"p = {one.p:.3f}" if one.p >= 0.001 else "p < 0.001"
    between = "" if isnan(one.low) else f" ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return f"{100 * one.difference:+.1f}{between}, {p}"


def verdict(
    what: str, name: str, comparisons: Sequence[Comparison], called: Mapping[str, str], higher_is_better: bool = True
) -> str:
    """What a table says, and what it does not.

    Args:
        what: is told.
        name: of the model.
        comparisons: of it with others.
        called: what each of them is called.
        higher_is_better: of the score that was compared.
    """
    clear = [one for one in comparisons if one.p < CLEAR]
    better = [called[one.against] for one in clear if (one.difference > 0) == higher_is_better]
    worse = [called[one.against] for one in clear if (one.difference > 0) != higher_is_better]
    open_ = [called[one.against] for one in comparisons if one.p >= CLEAR]
    parts = [
        f"{verb} {_listed(names)}"
        for verb, names in (("is better than", better), ("is worse than", worse), ("cannot be told from", open_))
        if names
    ]
    return f"{what}: {name} {'; it '.join(parts)} (p < {CLEAR} is called a difference)."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
