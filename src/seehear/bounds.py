"""Options whose numbers have a lower end."""

from __future__ import annotations


def require_at_least(section: str, options: object, **least: float) -> None:
    """Check fields of an options dataclass.

    Args:
        section: what the options are called on the command line.
        options: whose fields are checked.
        least: the smallest value of each field.

    Raises:
        ValueError: one is smaller, or no number; it is named as its flag is.
    """
    for name, smallest in least.items():
        value = getattr(options, name)
        if not value >= smallest:
            raise ValueError(f"{section}.{name} must be {smallest:g} or more, not {value}")
