"""What stands at the end of a benchmark's page: what is missing and why, on what machine, and how to read it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from seehear import __version__
from seehear.benchmark.page.findings import Findings
from seehear.benchmark.tables import wording
from seehear.hardware import cpu_kind, cpu_name
from seehear.report import Section, Table, Text
from seehear.report.boxes import Listed
from seehear.report.html import Block

MISSING_TITLE = "What failed, and what is missing"
PACKAGES = ("torch", "numpy", "scikit-learn", "scipy", "av", "opencv-python-headless", "lightning-fabric")
"""Those that figures may depend on."""

LISTED = 40  # cells that are not done; more are only counted

FIGURES = (
    "A shaded band or a bar is the 95 % interval over seeds; one colour is one row in all figures of a table. "
    "Training curves show what was measured on clips that are not trained on, but which the pretext's own probe has "
    "chosen: they say whether it learned, not how good it is. A picture of recordings in two dimensions (t-SNE) is to "
    "be looked at, not measured: distances between groups mean nothing in it."
)


def missing_section(found: Findings) -> list[Section]:
    """Failed cells with their reasons, cells that were not done, and what else is to be known; if there are any."""
    summary = found.summary
    blocks: list[Block] = [Listed(summary.notes)] if summary.notes else []
    if summary.failed:
        rows = list(summary.failed.items())
        blocks.append(Table(("failed", "because"), rows, "Give the command again to try them again."))
    if summary.left:
        waiting = [cell.called for cell in found.work.cells if cell.key not in found.outcomes]
        more = f", and {len(waiting) - LISTED} more" if len(waiting) > LISTED else ""
        blocks.append(Text(f"{wording.left(summary)} They are: {'; '.join(waiting[:LISTED])}{more}."))
    return [Section(MISSING_TITLE, blocks)] if blocks else []


def setting_section(found: Findings) -> Section:
    """Versions and machine."""
    cpu = f"{cpu_name()}, {os.cpu_count()} cores, {cpu_kind()}"
    seconds = sum(outcome.seconds for outcome in found.outcomes.values())
    told = {
        str(outcome.told["faces found by"]) for outcome in found.outcomes.values() if "faces found by" in outcome.told
    }
    rows = [
        ("seehear", __version__),
        *(("faces found by", name) for name in sorted(told)),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("processor", cpu),
        ("threads of each training and measuring", "1, so that the number of workers changes no figure"),
        ("work of all cells in this folder", f"{seconds / 60:.0f} minutes of one worker"),
    ]
    return Section("Where it was measured", [Table(("", "of the machine that wrote this page"), rows)])


def reading_section(found: Findings) -> Section:
    """What the numbers mean."""
    blocks: list[Block] = [Text(wording.HOW_TO_READ), Text(FIGURES)]
    if found.plan.differs:
        blocks.insert(0, Text(f"What differs from the papers, whatever the table: {found.plan.differs}"))
    blocks.append(
        Text(
            "Beside this page: the same tables in tables/ as CSV and LaTeX, and in tables.md; every single number in "
            "outcomes.csv; what was asked in plan.yaml."
        )
    )
    return Section("How to read it", blocks)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed under this name"
