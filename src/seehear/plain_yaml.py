"""Read YAML of unknown origin as plain values, within limits."""

from __future__ import annotations

from typing import Any

import yaml


class PlainLoader(yaml.SafeLoader):
    """A YAML loader for untrusted text, with a limit: nine lines of aliases of aliases would fill the memory."""

    MAX_VALUES = 200_000
    """Values in a file, those of an alias counted each time; the largest packaged plan has a thousandth of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._count = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count the values; an alias within its own anchor is endless."""
        event, before = self.peek_event(), self._count  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            self._count += self._sizes.get(id(node), self.MAX_VALUES)
        else:
            self._count += 1
            self._sizes[id(node)] = self._count - before
        if self._count > self.MAX_VALUES:
            raise yaml.composer.ComposerError(problem="its aliases expand to too many values")
        return node


def load_yaml(text: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Return the plain values of a YAML text.

    Raises:
        yaml.YAMLError: not YAML, too deeply nested, too many values, or an impossible date or number.
    """
    try:
        return yaml.load(text, Loader=loader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, KeyError) as error:  # PyYAML on impossible dates, numbers and keys
        raise yaml.YAMLError(str(error)) from error
