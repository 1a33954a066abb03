"""Crops and small copies taken from the planes, against the slow way over a full RGB picture."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from seehear.media.decode import FramePreparer, open_media
from seehear.media.picture import Geometry, Picture, rgb_matrix, yuv_matrix

Image = NDArray[np.uint8]
SIZE = (120, 160)
PIX_FMTS = [
    "yuv422p",
    "yuv444p",
    "yuv410p",
    "yuv420p10le",
    "yuv422p12le",
    "yuva420p",
    "gray",
    "gray10le",
    "rgb24",
    "bgra",
    "gbrp",
    "rgb48le",
    "yuvj420p",
    "yuvj422p",
    "nv12",
    "yuva444p10le",
]


def scene(number: int, size: tuple[int, int]) -> Image:
    """Smooth colours and a few soft discs, so that there is something to align."""
    rows, columns = np.mgrid[: size[0], : size[1]] / max(size)
    waves = [np.sin(7 * columns + phase) * np.cos(5 * rows + 2 * phase) for phase in (0, 1, 2.5)]
    image = 125 + 90 * np.stack(waves, -1)
    for x, y, colour in ((0.3, 0.3, (200, 60, 60)), (0.6, 0.5, (40, 190, 90)), (0.8, 0.2, (60, 80, 210))):
        weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 0.004)[..., None]
        image = image * (1 - weight) + np.array(colour) * weight
    return np.clip(image, 0, 255).astype(np.uint8)


def moves() -> list[NDArray[np.float64]]:
    """Similarities as face crops are: shrinking and growing, turned, partly outside."""
    rng = np.random.default_rng(1)
    out = []
    for scale in (0.3, 0.55, 0.66, 0.8, 1.0, 1.7, 3.0):
        angle = rng.uniform(-0.5, 0.5)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = np.array([80, 60]) + rng.uniform(-25, 25, 2)
        out.append(np.column_stack([turn, [32, 24] - turn @ middle]))
    return out


def slow_crop(rgb: Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """Warp of the full RGB picture, with 4x4 samples a pixel where it shrinks."""
    finer = np.diag([4.0, 4.0, 1.0])
    finer[:2, 2] = 1.5
    full = np.vstack([matrix, [0, 0, 1]])
    large = cv2.warpAffine(rgb, (finer @ full)[:2], (size[1] * 4, size[0] * 4), borderMode=cv2.BORDER_REPLICATE)
    return large.astype(float).reshape(size[0], 4, size[1], 4, 3).mean(axis=(1, 3))


def first(path: Any) -> tuple[Picture, av.VideoFrame]:
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    with open_media(path) as media:
        return next(media.pictures()), frame


@pytest.mark.parametrize("tags", [(6, 1), (1, 1), (6, 2), (1, 2)])
def test_crops_equal_the_slow_way(tags: tuple[int, int], movie: Any) -> None:
    picture, _ = first(movie(size=SIZE, draw=scene, tags=tags, sounds=[], stamps=[0]))
    rgb = scene(0, SIZE)
    for matrix in moves():
        crop = picture.crop(matrix, (48, 64))
        assert crop.shape == (48, 64, 3)
        difference = np.abs(crop - slow_crop(rgb, matrix, (48, 64)))
        assert difference.mean() < 2, matrix
        assert np.percentile(difference, 99) < 12, matrix


def test_a_crop_is_where_warp_affine_of_the_picture_is(movie: Any) -> None:
    """To a small part of a pixel: a shift of the crop against the oracle would make them differ more."""
    picture, _ = first(movie(size=SIZE, draw=scene, sounds=[], stamps=[0]))
    rgb = scene(0, SIZE)
    for matrix in moves():
        crop = picture.crop(matrix, (48, 64)).astype(float)

        def distance(by: tuple[float, float], matrix: Any = matrix, crop: Any = crop) -> float:
            moved = matrix.copy()
            moved[:, 2] += by
            return float(np.abs(slow_crop(rgb, moved, (48, 64)) - crop).mean())

        step = 0.3 * max(1, np.sqrt(np.linalg.det(matrix[:, :2])))
        shifts = [(x, y) for x in (-step, 0, step) for y in (-step, 0, step)]
        assert min(shifts, key=distance) == (0, 0), matrix


def test_colours_equal_ffmpeg(movie: Any) -> None:
    names = {1: "ITU709", 6: "ITU601"}
    for tags in ((6, 1), (1, 1), (6, 2), (1, 2)):
        picture, frame = first(movie(size=SIZE, draw=scene, tags=tags, sounds=[], stamps=[0]))
        slow = frame.to_ndarray(format="rgb24", src_colorspace=names[tags[0]], src_color_range=tags[1])
        fast = picture.crop(np.eye(2, 3), SIZE)
        assert np.abs(slow.astype(float) - fast).mean() < 2


def test_untagged_colours_depend_on_the_number_of_lines() -> None:
    assert np.array_equal(rgb_matrix(2, 0, "yuv420p", 720, 576), rgb_matrix(6, 1, "yuv420p", 720, 576))
    assert np.array_equal(rgb_matrix(2, 0, "yuv420p", 1280, 720), rgb_matrix(1, 1, "yuv420p", 1280, 720))
    assert np.array_equal(rgb_matrix(6, 0, "yuvj420p", 64, 64), rgb_matrix(6, 2, "yuv420p", 64, 64))


def test_the_matrices_of_colour_are_those_of_the_standard() -> None:
    white, grey, red = (235, 128, 128, 1), (126, 128, 128, 1), (81, 90, 240, 1)
    for point, rgb in ((white, (255, 255, 255)), (grey, (128, 128, 128)), (red, (254, 0, 0))):
        assert np.allclose(rgb_matrix(6, 1, "yuv420p", 1, 1) @ point, rgb, atol=1.5)
    assert np.allclose(yuv_matrix() @ (255, 0, 0, 1), (81, 90, 240), atol=1)


@pytest.mark.parametrize("pix_fmt", PIX_FMTS)
def test_any_pixel_format(pix_fmt: str, movie: Any, tmp_path: Any) -> None:
    rgb = av.VideoFrame.from_ndarray(scene(0, SIZE), format="rgb24")
    frame = rgb.reformat(format=pix_fmt, dst_colorspace="ITU601", dst_color_range="JPEG" if "j" in pix_fmt else "MPEG")
    frame.colorspace = 0 if pix_fmt in ("rgb24", "bgra", "gbrp", "rgb48le") else 6
    picture = FramePreparer(None).picture(0, frame)
    crop = picture.crop(np.eye(2, 3), SIZE).astype(float)
    wanted = scene(0, SIZE).astype(float)
    if pix_fmt.startswith("gray"):
        wanted = np.repeat(wanted @ [[0.299], [0.587], [0.114]], 3, axis=2)
    assert np.abs(crop - wanted).mean() < 3


def test_pictures_stored_upside_down() -> None:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=160, height=120, format="yuv420p", time_base=Fraction(1, 25))
    graph.link_nodes(source, graph.add("vflip"), graph.add("buffersink")).configure()
    frame = av.VideoFrame.from_ndarray(scene(0, SIZE), format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    graph.vpush(frame)
    flipped = graph.vpull()
    assert flipped.planes[0].line_size < 0
    picture = FramePreparer(None).picture(0, flipped)
    wanted = scene(0, SIZE)[::-1].astype(float)
    assert np.abs(picture.crop(np.eye(2, 3), SIZE) - wanted).mean() < 3


def test_a_size_that_changes_in_the_middle_keeps_that_of_the_first() -> None:
    preparation = FramePreparer(None)
    for size in (SIZE, (60, 80), (240, 320)):
        frame = av.VideoFrame.from_ndarray(scene(0, size), format="rgb24").reformat(format="yuv420p")
        picture = preparation.picture(0, frame)
        assert picture.shape == SIZE
        assert np.abs(picture.crop(np.eye(2, 3), SIZE) - scene(0, SIZE).astype(float)).mean() < 4


@pytest.mark.parametrize("long_side", [40, 100, 160, 500])
def test_small_copies(long_side: int, movie: Any) -> None:
    picture, _ = first(movie(size=SIZE, draw=scene, sounds=[], stamps=[0]))
    small, scale = picture.small_bgr(long_side)
    assert scale == min(1, long_side / 160)
    assert max(small.shape[:2]) == min(160, long_side)
    height, width = small.shape[:2]
    slow = cv2.resize(scene(0, SIZE), (width, height), interpolation=cv2.INTER_AREA)[..., ::-1]
    assert np.abs(slow.astype(float) - small).mean() < 2.5
    luma, same = picture.small_luma(long_side)
    assert same == scale
    assert luma.shape == small.shape[:2]
    assert (
        np.abs(luma - cv2.resize(picture.luma(), (width, height), interpolation=cv2.INTER_AREA).astype(float)).max()
        <= 2
    )


@pytest.mark.parametrize(
    "turn",
    [
        ((1, 0), (0, 1)),
        ((0, -1), (1, 0)),
        ((-1, 0), (0, -1)),
        ((0, 1), (-1, 0)),
        ((-1, 0), (0, 1)),
        ((1, 0), (0, -1)),
        ((0, 1), (1, 0)),
        ((0, -1), (-1, 0)),
    ],
)
@pytest.mark.parametrize("stretch", [1.0, 1.5, 0.75])
def test_geometry_of_points_is_that_of_images(turn: Any, stretch: float) -> None:
    """A blob that is drawn into the stored image is found in the upright image where the matrix says."""
    geometry = Geometry((60, 90), turn, stretch)
    matrix = geometry.upright_from_stored()
    height, width = geometry.square
    rows, columns = np.mgrid[:60, :90]
    for x, y in ((20.0, 15.0), (70.0, 40.0), (45.0, 30.0)):
        stored = (250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 20)).astype(np.uint8)
        image = geometry.upright(cv2.resize(stored, (width, height), interpolation=cv2.INTER_LINEAR)).astype(float)
        assert image.shape == geometry.shape
        down, across = np.mgrid[: image.shape[0], : image.shape[1]]
        found = [(image * across).sum() / image.sum(), (image * down).sum() / image.sum()]
        assert np.allclose(found, (matrix @ [x, y, 1])[:2], atol=0.1)


def test_a_matrix_must_be_invertible(movie: Any) -> None:
    picture, _ = first(movie(sounds=[], stamps=[0]))
    with pytest.raises(ValueError, match="invertible"):
        picture.crop(np.zeros((2, 3)), (8, 8))


def test_crops_far_outside_repeat_the_border(movie: Any) -> None:
    picture, _ = first(movie(size=SIZE, draw=scene, sounds=[], stamps=[0]))
    for scale in (0.2, 1, 3):
        for x, y in ((-5000, 0), (5000, 0), (0, -5000), (0, 5000)):
            crop = picture.crop(np.array([[scale, 0, x], [0, scale, y]], float), (32, 32))
            assert crop.shape == (32, 32, 3)
    assert (
        np.abs(picture.crop(np.array([[1, 0, 500.0], [0, 1, 500]]), (8, 8)).astype(float) - scene(0, SIZE)[0, 0]).mean()
        < 6
    )


def test_interlaced_pictures_lose_their_combs_and_keep_their_times(movie: Any) -> None:
    def comb(number: int, size: tuple[int, int]) -> Image:
        image = np.full((*size, 3), 40, np.uint8)
        for row in range(size[0]):
            left = 4 * (2 * number + row % 2)
            image[row, left : left + 16] = 220
        return image

    path = movie(
        size=(96, 240),
        draw=comb,
        interlaced=True,
        options={"x264-params": "tff=1", "preset": "fast", "crf": "8"},
        stamps=[Fraction(k, 25) for k in range(20)],
        sounds=[],
    )
    with open_media(path) as media:
        pictures = list(media.pictures())
    assert [picture.index for picture in pictures] == list(range(20))
    for picture in pictures[1:]:
        luma = picture.luma().astype(float)
        assert np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean() < 1.5
        bright = np.argwhere(luma[48] > 125)[:, 0]
        assert bright.mean() == pytest.approx(8 * picture.index + 11.5, abs=1)  # x264 has the odd lines first
