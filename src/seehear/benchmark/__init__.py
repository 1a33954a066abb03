"""Benchmarks: tables of models, losses, encoders, tasks and seeds. The package is callable, like its function."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    """The package and the public function share a name: once imported, the package can be called as the function."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from seehear.benchmark.run import benchmark

        return benchmark(*arguments, **options)


sys.modules[__name__].__class__ = _CallableModule
