"""seehear: learn speech and face representations from unlabelled talking-face video, and use them."""

from __future__ import annotations

from typing import Any

from seehear.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    """`load` or `adapt`, when it is asked for: importing the package alone must not cost an import of torch."""
    if name == "load":
        from seehear.models.store import load

        return load
    if name == "adapt":
        from seehear.apps.adapt.adapt import adapt

        return adapt
    raise AttributeError(f"module 'seehear' has no attribute {name!r}")
