import numpy as np

from seehear.benchmark.page_samples import MAX_DISTINCT, Embedding2D, _plot, tsne


def groups(rng, width=20):
    return np.concatenate([rng.normal(10 * place, 1, (20, width)) for place in range(3)])


def test_what_is_alike_stays_near():
    points = tsne(groups(np.random.default_rng(0)))
    assert points.shape == (60, 2)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + 1e9 * np.eye(60)
    assert (apart.argmin(1) // 20 == np.arange(60) // 20).all()


def test_same_recordings_same_picture():
    vectors = groups(np.random.default_rng(1))
    assert np.array_equal(tsne(vectors), tsne(vectors))


def test_constant_features_do_not_break_it():
    vectors = groups(np.random.default_rng(2))
    vectors[:, 3] = 7
    assert np.isfinite(tsne(vectors)).all()


def test_classes_beyond_those_that_can_be_told_apart_are_grey():
    labels = [f"class{place}" for place in range(MAX_DISTINCT) for _ in range(2)] + ["rare"]
    drawn = _plot(Embedding2D(np.random.default_rng(0).normal(size=(len(labels), 2)), labels))
    assert "class0<" in drawn
    assert "others<" in drawn
    assert "rare<" not in drawn
