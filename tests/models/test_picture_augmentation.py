"""What the disturbance of pictures keeps: range, shape, the order of frames, and that all comes from the generator."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Generator, Tensor

from seehear.models.picture_augmentation import (
    PictureAugmentation,
    PictureAugmentationOptions,
    apply_to_share,
    block_cosines,
    compress,
    jitter_crops,
    occlude,
    reduce_resolution,
    relight,
    repeat_frames,
    translate,
    triangles,
    warp_geometry,
)

NOTHING = PictureAugmentationOptions(**dict.fromkeys((field.name for field in fields(PictureAugmentationOptions)), 0.0))


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture
def pictures() -> Tensor:
    """Four clips of six smooth frames."""
    coarse = torch.rand(4, 6, 5, 5, generator=seeded(9))
    return torch.nn.functional.interpolate(coarse, (32, 32), mode="bicubic").clamp(0, 1)


def test_same_generator_same_pictures(pictures: Tensor) -> None:
    augment, before = PictureAugmentation(), pictures.clone()
    once, again = (augment(pictures, 6, 32, seeded(1)) for _ in range(2))
    other = augment(pictures, 6, 32, seeded(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(pictures, before)
    assert once.shape == pictures.shape
    assert once.min() >= 0
    assert once.max() <= 1


def test_strength_zero_changes_nothing(pictures: Tensor) -> None:
    torch.testing.assert_close(PictureAugmentation(NOTHING)(pictures, 6, 32, seeded()), pictures, atol=1e-5, rtol=0)


@pytest.mark.parametrize("field", [f.name for f in fields(PictureAugmentationOptions) if not f.name.endswith("_size")])
def test_each_option_does_something(pictures: Tensor, field: str) -> None:
    strength = 1.0 if field not in ("scale", "shift", "shear", "warp") else 0.2
    options = replace(NOTHING, jitter_size=0.02, noise_size=0.1, **{field: strength})
    assert not torch.allclose(PictureAugmentation(options)(pictures, 6, 32, seeded()), pictures, atol=1e-3)


@pytest.mark.parametrize(
    "change", [lambda x, rng: warp_geometry(x, 32, PictureAugmentationOptions(), rng), occlude, reduce_resolution]
)
def test_still_clips_stay_still(change: object) -> None:
    still = torch.rand(2, 1, 32, 32, generator=seeded()).repeat(1, 5, 1, 1)
    changed = change(still, seeded(3))  # type: ignore[operator]
    torch.testing.assert_close(changed, changed[:, :1].expand_as(changed))


def test_mirror_is_exact(pictures: Tensor) -> None:
    mirrored = warp_geometry(pictures, 32, replace(NOTHING, flip=1.0), seeded())
    torch.testing.assert_close(mirrored, pictures.flip(3), atol=1e-5, rtol=0)


def test_it_brings_pictures_to_size(pictures: Tensor) -> None:
    smaller = PictureAugmentation(NOTHING)(pictures, 6, 16, seeded())
    torch.testing.assert_close(smaller, torch.nn.functional.avg_pool2d(pictures, 2), atol=1e-5, rtol=0)


def test_colours_of_a_frame_move_together() -> None:
    grey = torch.rand(2, 5, 32, 32, generator=seeded())
    colour = jitter_crops(grey.repeat(1, 3, 1, 1), 5, 0.02, seeded(4)).view(2, 3, 5, 32, 32)
    torch.testing.assert_close(colour[:, 0], colour[:, 2])
    held = repeat_frames(grey.repeat(1, 3, 1, 1), 5, seeded(4)).view(2, 3, 5, 32, 32)
    assert torch.equal(held[:, 0], held[:, 1])


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("distance", [-1.0, -0.25, 0.0, 0.5, 1.0])
def test_slide_is_linear_interpolation(axis: int, distance: float) -> None:
    row = torch.rand(8, generator=seeded()).tolist()
    shape = [1, 1, 8, 1] if axis == 2 else [1, 1, 1, 8]
    moved = translate(torch.tensor(row).view(shape), torch.full((1, 1, 1, 1), distance), axis).flatten().tolist()
    for i, value in enumerate(moved):
        place = min(max(i + distance, 0), 7)
        left = int(place)
        right = min(left + 1, 7)
        assert value == pytest.approx(row[left] + (place - left) * (row[right] - row[left]), abs=1e-6)


def test_held_frames_keep_their_order() -> None:
    frames = 50
    clips = torch.arange(frames).float().view(1, frames, 1, 1).expand(64, frames, 8, 8)
    order = repeat_frames(clips, frames, seeded())[:, :, 0, 0]
    assert (order.diff(dim=1) >= 0).all()
    assert (order - torch.arange(frames)).abs().max() <= 1  # never further from its own time than the rate allows


def test_blur_keeps_the_mean_and_removes_detail(pictures: Tensor) -> None:
    assert torch.allclose(triangles(torch.tensor([[[2.5]]]), 16).sum(-1), torch.ones(1, 16))
    board = ((torch.arange(32).view(-1, 1) + torch.arange(32)) % 2).float().expand(2, 1, 32, 32)
    assert reduce_resolution(board, seeded()).std() < 0.5 * board.std()
    assert reduce_resolution(pictures, seeded()).mean() == pytest.approx(pictures.mean().item(), abs=0.02)


def test_light_stays_in_range_and_keeps_order(pictures: Tensor) -> None:
    ramp = torch.linspace(0, 1, 64).view(1, 64, 1, 1).expand(8, 64, 4, 4)
    lit = relight(ramp, 1.0, seeded())
    assert (lit.diff(dim=1) >= -1e-6).all()  # brighter stays brighter


def test_block_cosines_are_orthonormal() -> None:
    transform = block_cosines(24, torch.device("cpu"))[0]
    torch.testing.assert_close(transform @ transform.T, torch.eye(24))
    torch.testing.assert_close(transform[0, :8], torch.full((8,), 8**-0.5))
    assert (transform[:8, 8:] == 0).all()


def test_compression_loses_detail_not_light(pictures: Tensor) -> None:
    gentle = compress(pictures, seeded(), 1e-4, 2e-4)
    torch.testing.assert_close(gentle, pictures, atol=1e-3, rtol=0)
    strong = compress(pictures, seeded(), 3.0, 4.0)
    assert 0.005 < (strong - pictures).abs().mean() < 0.1
    with pytest.raises(ValueError, match="multiples of 8"):
        compress(torch.zeros(1, 1, 12, 16), seeded())


def test_some_changes_its_share() -> None:
    changed = apply_to_share(torch.zeros(1000, 1, 1, 1), 0.3, seeded(), lambda x: x + 1)
    assert changed.mean() == pytest.approx(0.3, abs=0.05)
