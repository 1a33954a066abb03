"""Whole tables: plans, cells, processes, verdicts and pages; and the function `seehear.benchmark`."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """`seehear.benchmark` is this package as soon as any of it is imported, and the public function all the same."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from seehear.benchmark.run import benchmark

        return benchmark(*args, **options)


sys.modules[__name__].__class__ = _CallablePackage
