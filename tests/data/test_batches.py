"""Batches: windows inside their clips, every clip in every epoch, the stream resumed to the very batch."""

from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seehear.data.batches import BUCKET, ClipWindow, WindowBatches, cut_windows, deal_by_source, group_into_batches
from seehear.data.corpus import Corpus
from seehear.data.views import ClipViews
from seehear.errors import CorpusError


@pytest.fixture(scope="module")
def views(corpus_folder: Path) -> ClipViews:
    return ClipViews(Corpus(corpus_folder), workers=2)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_batches_hold_what_the_views_hold(views: ClipViews) -> None:
    batch = next(iter(WindowBatches(views, 4, frames=20)))
    assert batch["video"].shape == (4, 20, 64, 64, 3)
    assert batch["video"].dtype == torch.uint8
    assert batch["audio"].shape == (4, 20 * 640)
    assert batch["audio"].dtype == torch.float32
    for i in range(4):
        pictures, sound = views.window(int(batch["clip"][i]), int(batch["start"][i]), 20)
        np.testing.assert_array_equal(batch["video"][i].numpy(), pictures)
        np.testing.assert_allclose(batch["audio"][i].numpy(), sound / 32767, atol=1e-7)


def test_resumed_exactly_at_any_moment(views: ClipViews) -> None:
    stream = WindowBatches(views, 4, frames=15, seed=7)
    assert len(stream) == 9
    states, batches = [], []
    for batch in islice(stream, 25):  # into the third epoch
        batches.append(batch)
        states.append(stream.state_dict())
    for moment in (0, 7, 8, 9, 17):
        resumed = WindowBatches(views, 4, frames=15, seed=7)
        resumed.load_state_dict(states[moment])
        assert all(same(a, b) for a, b in zip(batches[moment + 1 :], resumed, strict=False))
    assert not same(batches[0], batches[9])
    assert (states[7]["epoch"], states[8]["epoch"], states[8]["position"]) == (0, 1, 0)


def test_seed_decides(views: ClipViews) -> None:
    first = [next(iter(WindowBatches(views, 4, frames=15, seed=seed))) for seed in (1, 1, 2)]
    assert same(first[0], first[1])
    assert not same(first[0], first[2])


@pytest.mark.parametrize("options", [{}, {"apart": True}, {"stills": 2}])
def test_processes_share_the_batches_of_one(views: ClipViews, options: dict[str, Any]) -> None:
    whole = WindowBatches(views, 6, frames=10, **options)
    shares = [WindowBatches(views, 2, frames=10, rank=rank, world=3, **options) for rank in range(3)]
    assert [len(share) for share in shares] == [len(whole)] * 3
    for alone, *parts in islice(zip(whole, *shares, strict=True), 8):
        assert all(torch.equal(alone[name], torch.cat([part[name] for part in parts])) for name in alone)


def test_another_number_of_processes_resumes_the_stream(views: ClipViews) -> None:
    whole = WindowBatches(views, 6, frames=10)
    expected = list(islice(whole, 9))[5:]
    before = WindowBatches(views, 3, frames=10, rank=1, world=2)
    list(islice(before, 5))
    shares = [WindowBatches(views, 2, frames=10, rank=rank, world=3) for rank in range(3)]
    for share in shares:
        share.load_state_dict(before.state_dict())
    for alone, *parts in zip(expected, *(islice(share, 4) for share in shares), strict=True):
        assert torch.equal(alone["clip"], torch.cat([part["clip"] for part in parts]))


def test_stills_are_any_of_the_clip(views: ClipViews) -> None:
    stream = WindowBatches(views, 4, frames=10, stills=2)
    places = set()
    for batch in islice(stream, 30):
        assert batch["video"].shape == (4, 2, 64, 64, 3)
        assert batch["audio"].shape == (4, 10 * 640)
        for clip, start, shown in zip(batch["clip"].tolist(), batch["start"].tolist(), batch["video"], strict=True):
            pictures, _ = views[clip]
            drawn = [int(np.flatnonzero((pictures == still.numpy()).all((1, 2, 3)))[0]) for still in shown]
            assert drawn[0] != drawn[1]
            places |= {(place - start) // 10 for place in drawn}
    assert {-1, 0, 1} <= places  # before the window, in it and behind it


def test_stills_are_drawn_anew_in_every_epoch_and_the_same_when_resumed(views: ClipViews) -> None:
    def stills(clip: int, epoch: int) -> torch.Tensor:
        stream = WindowBatches(views, 4, frames=40, min_frames=10, stills=2)
        stream.load_state_dict(stream.state_dict() | {"epoch": epoch})
        batches = islice(stream, len(stream))
        return next(b["video"][b["clip"].tolist().index(clip)] for b in batches if clip in b["clip"])

    clip = int(views.frames.argmax())
    assert torch.equal(stills(clip, 0), stills(clip, 0))
    assert any(not torch.equal(stills(clip, 0), stills(clip, epoch)) for epoch in (1, 2, 3))


def test_a_clip_with_fewer_pictures_than_stills_shows_them_again(views: ClipViews) -> None:
    batch = next(iter(WindowBatches(views, 4, frames=10, stills=50)))
    assert batch["video"].shape[1] == 50


def test_who_is_only_heard_is_told(views: ClipViews, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "seen", np.arange(len(views)) % 2 == 0)
    for batch in islice(WindowBatches(views, 4, frames=10), 5):
        assert torch.equal(batch["seen"], batch["clip"] % 2 == 0)


@pytest.mark.parametrize("world", [1, 2])
def test_sources_are_kept_apart_in_a_step_of_all_processes(views: ClipViews, world: int) -> None:
    streams = [WindowBatches(views, 3, frames=10, rank=rank, world=world, apart=True) for rank in range(world)]
    assert len({len(stream) for stream in streams}) == 1
    assert len(streams[0]) > 2
    for step in islice(zip(*streams, strict=True), 12):
        sources = views.sources[torch.cat([batch["clip"] for batch in step]).numpy()]
        assert len(set(sources.tolist())) == 3 * world


def test_too_few_sources(views: ClipViews) -> None:
    with pytest.raises(CorpusError, match="25 clips of 10 sources of at least 10 frames do not make a batch of 11"):
        WindowBatches(views, 11, frames=10, apart=True)


def test_other_clips_or_options_cannot_resume(views: ClipViews) -> None:
    state = WindowBatches(views, 4, frames=15).state_dict()
    with pytest.raises(CorpusError, match=r"batch_size 4 .*with 2"):
        WindowBatches(views, 2, frames=15).load_state_dict(state)


def test_too_few_clips(views: ClipViews) -> None:
    with pytest.raises(CorpusError, match="0 clips of at least 75 frames do not make a batch of 4"):
        WindowBatches(views, 4, frames=75)


@given(st.lists(st.integers(1, 200), max_size=30), st.integers(5, 75), st.integers(5, 75), st.integers(0, 9))
def test_windows_lie_in_their_clips_and_do_not_overlap(lengths: list[int], frames: int, least: int, seed: int) -> None:
    least = min(least, frames)
    windows = cut_windows(np.array(lengths, dtype=int), frames, least, np.random.default_rng(seed))
    for clip, length in enumerate(lengths):
        own = [w for w in windows if w.clip == clip]
        assert len(own) == (0 if length < least else max(1, length // frames))
        assert all(w.start >= 0 and w.start + w.frames <= length for w in own)
        assert all(a.start + a.frames <= b.start for a, b in pairwise(own))
        assert all(w.frames == frames or (length < frames and w.frames > length - BUCKET) for w in own if least > 5)


@given(st.lists(st.integers(5, 75), max_size=60), st.integers(1, 8), st.integers(0, 9))
def test_batches_are_full_even_and_lose_less_than_one(lengths: list[int], size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows = cut_windows(np.array(lengths, dtype=int), 75, 5, rng)
    batches = group_into_batches(windows, size, rng)
    assert all(len(batch) == size and len({w.frames for w in batch}) == 1 for batch in batches)
    clips = [w.clip for batch in batches for w in batch]
    assert len(set(clips)) == len(clips) > len(lengths) - size
    assert all(w.start + w.frames <= lengths[w.clip] for batch in batches for w in batch)


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 7), st.integers(0, 9))
def test_as_many_batches_are_dealt_as_can_be_filled(sources: list[int], size: int, seed: int) -> None:
    pool = [ClipWindow(clip, 0, 10) for clip in range(len(sources))]
    batches, over = deal_by_source(pool, size, np.array(sources, dtype=np.int64), np.random.default_rng(seed))
    assert sorted(w.clip for windows in (*batches, over) for w in windows) == list(range(len(sources)))
    assert all(len({sources[w.clip] for w in batch}) == len(batch) == size for batch in batches)
    assert len(batches) == most_batches([sources.count(source) for source in set(sources)], size)


def most_batches(having: list[int], size: int) -> int:
    """A slow oracle: take a window of the ``size`` sources that have the most, as long as there are so many."""
    count = 0
    while True:
        having = sorted((left for left in having if left), reverse=True)
        if len(having) < size:
            return count
        having = [left - 1 for left in having[:size]] + having[size:]
        count += 1
