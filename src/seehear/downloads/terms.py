"""On what terms a data set is given, and whether the user agrees."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from seehear.downloads.errors import DownloadError


@dataclass(frozen=True)
class Terms:
    """What a user agrees to.

    Attributes:
        licence: its name.
        means: what it asks, in a sentence.
        url: where the data set and its terms are.
        cite: who made it, where it was described.
    """

    licence: str
    means: str
    url: str
    cite: str

    def __str__(self) -> str:
        return f"terms  {self.licence}: {self.means}\n       {self.url}\ncite   {self.cite}"


def agree(title: str, terms: Terms) -> None:
    """Shows the terms on the error stream and asks.

    Raises:
        DownloadError: the answer is not yes, or there is nobody to ask.
    """
    print(f"{title}\n{terms}", file=sys.stderr)  # noqa: T201
    if not sys.stdin.isatty():
        raise DownloadError(f"nobody is there to accept the terms of {title}; read them at {terms.url}, then --accept")
    print("Do you accept these terms? [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise DownloadError(f"the terms of {title} were not accepted; nothing was brought")
