"""Small plans for tests."""

from seehear.benchmark.plan import BenchmarkPlan, Claim, CorpusSpec, PretextSpec, RowSpec, TaskSpec

SMALL = {"clips": 8, "speakers": 4, "seed": 1, "seconds": 2.0}


def small_plan(**changed: object) -> BenchmarkPlan:
    """Two losses of sync, one of which begins with the other, on avatars and on what may be given."""
    told = {
        "name": "small",
        "title": "Small",
        "about": "Nothing.",
        "corpora": {"people": CorpusSpec(SMALL), "grid": CorpusSpec(format="grid", wants="GRID")},
        "pretexts": {
            "sync": PretextSpec("sync-small", ("people", "grid"), {"optim.steps": 2}),
            "more": PretextSpec("sync-small", ("people",), init="pretext:sync"),
            "untrained": PretextSpec("sync-small", ("people",), untrained=True),
            "grids": PretextSpec("sync-small", ("grid",)),
        },
        "tasks": {
            "sync": TaskSpec(
                "sync",
                "Which offset",
                ("people", "grid"),
                (RowSpec("sync", "sync"), RowSpec("more", "more"), RowSpec("untrained", "untrained")),
                options={"split": "all"},
            ),
        },
        "seeds": 2,
        "claims": (Claim("more is better", "us", "sync", "more", ("sync",)),),
    }
    return BenchmarkPlan(**(told | changed))  # type: ignore[arg-type]
