"""The sheet in a picture: a page that lies on a desk, or the part within a scanner's dark edges."""

from __future__ import annotations

__all__ = ["corners_of", "find_pages", "straightened"]

import numpy as np
from PIL import Image, ImageDraw

from allograph.imaging.masks import components, dilated, eroded, filled, opened

_SIDE = 192
"""Pages are sought on a copy this long, in pixels."""

_LEAST, _MOST = 0.08, 0.985
"""A page covers between these shares of the picture..."""

_SOLID = 0.9
"""...and this much of its convex hull..."""

_FOUR_SIDED = 0.87
"""...of which a quadrilateral covers at least this share."""

_APART = 0.07
"""Its colour differs from its surroundings by this share of the range from black to white."""


_QUADRILATERAL = 0.95
"""A page is straightened if a quadrilateral covers this share of it..."""

_TURNED = 0.5
"""...and its upper edge rises or falls by no more than this share of its length, so that it is known for the upper."""


def corners_of(page: np.ndarray) -> np.ndarray | None:
    """The corners (4, 2) of a page, bool (h, w), clockwise from the upper left, x first; None if the picture does not
    show all four, or the page is not a quadrilateral."""
    from scipy.spatial import ConvexHull

    points = np.argwhere(page & ~eroded(page))[:, ::-1].astype(float)
    hull = points[ConvexHull(points).vertices]
    four = _reduced(hull, 4)
    within = (four > 3).all() and (four < np.array(page.shape[::-1]) - 4).all()
    if not within or _area(four) < _QUADRILATERAL * page.sum():
        return None
    away = four - four.mean(0)
    four = four[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]
    four = np.roll(four, -int(np.argmin(four.sum(1))), 0)
    edge = four[1] - four[0]
    return four if abs(edge[1]) <= _TURNED * edge[0] else None


def straightened(values: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The content of a page (h, w), float32, as seen from straight above, by the homography from its corners to a
    rectangle whose sides have the mean lengths of the page's opposite sides."""
    from skimage.transform import ProjectiveTransform, warp

    top, right, bottom, left = np.linalg.norm(np.roll(corners, -1, 0) - corners, axis=1)
    width, height = (top + bottom) / 2, (left + right) / 2
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    transform = ProjectiveTransform.from_estimate(target, corners)
    return warp(values, transform, output_shape=(round(height), round(width))).astype(np.float32)


def find_pages(colour: np.ndarray) -> list[np.ndarray]:
    """The sheets, bool (h, w), that the picture (h, w, 3) may show, the likeliest first; none where it is all paper.

    Colours are clustered (k-means, k = 2, 3, 4); a page is the largest connected part of a cluster, holes filled, whose
    contour is nearly a quadrilateral and whose colour is not that of what lies around it.
    """
    from scipy import ndimage

    from allograph.imaging.paper import resized

    factor = min(1.0, _SIDE / max(colour.shape[:2]))
    size = max(4, round(colour.shape[0] * factor)), max(4, round(colour.shape[1] * factor))
    small = ndimage.gaussian_filter(resized(colour, size), (1.0, 1.0, 0))
    found: list[tuple[float, np.ndarray, np.ndarray]] = []
    for count in (2, 3, 4):
        labels = _clusters(small, count)
        for cluster in range(count):
            judged = _judge(small, labels == cluster)
            if judged is not None and all(_overlap(judged[2], other) < 0.9 for _, _, other in found):
                found.append(judged)
    found.sort(key=lambda page: -page[0])
    return [_drawn(corners, size, colour.shape[:2]) for _, corners, _ in found[:2]]


def _clusters(small: np.ndarray, count: int) -> np.ndarray:
    pixels = small.reshape(-1, 3)
    sample = pixels[:: max(1, len(pixels) // 4096)]
    order = np.argsort(sample.sum(1))
    centres = sample[order[(np.linspace(0.03, 0.97, count) * (len(order) - 1)).astype(int)]]
    for _ in range(12):
        nearest = _nearest(sample, centres)
        centres = np.stack([sample[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(count)])
    return _nearest(pixels, centres).reshape(small.shape[:2])


def _nearest(colours: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return ((centres**2).sum(1) - 2 * colours @ centres.T).argmin(1)


def _judge(small: np.ndarray, mask: np.ndarray) -> tuple[float, np.ndarray, np.ndarray] | None:
    """How well the largest part of a cluster fits a page, its corners (k, 2), x first, and its filled mask."""
    from scipy.spatial import ConvexHull, QhullError

    labels, count = components(opened(mask), diagonal=False)
    if not count:
        return None
    areas = np.bincount(labels.ravel())[1:]
    part = filled(labels == int(areas.argmax()) + 1)
    share = float(part.mean())
    if not _LEAST <= share <= _MOST or min(part.any(0).sum(), part.any(1).sum()) < 12:
        return None
    edge = part & ~eroded(part)
    points = np.argwhere(edge)[:, ::-1].astype(float)
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return None
    area = _area(hull) + 0.5 * np.linalg.norm(np.diff(np.vstack([hull, hull[:1]]), axis=0), axis=1).sum() + 1
    solid = part.sum() / area
    four = _reduced(hull, 4)
    square = _area(four) / max(_area(hull), 1)
    outside = ~dilated(part, 2)
    inside = eroded(part, 3) & ~eroded(part, 8)
    if solid < _SOLID or square < _FOUR_SIDED or outside.sum() < 0.004 * part.size or not inside.any():
        return None
    near = outside & dilated(part, 7)
    apart = np.linalg.norm(np.median(small[inside], 0) - np.median(small[near if near.any() else outside], 0))
    if apart < _APART:
        return None
    return float(solid * square * np.sqrt(share)), hull, part


def _reduced(polygon: np.ndarray, count: int) -> np.ndarray:
    """The polygon reduced to `count` corners, without those that add least."""
    corners = list(polygon)
    while len(corners) > count:
        a = np.array(corners)
        before, after = np.roll(a, 1, 0) - a, np.roll(a, -1, 0) - a
        loss = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
        del corners[int(loss.argmin())]
    return np.array(corners)


def _area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def _drawn(corners: np.ndarray, size: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """The page on the picture's own raster, without its edge, which is neither paper nor ink."""
    from scipy import ndimage

    scale = np.array([shape[1] / size[1], shape[0] / size[0]])
    at_rim = [corners[:, 0] <= 0, corners[:, 1] <= 0, corners[:, 0] >= size[1] - 1, corners[:, 1] >= size[0] - 1]
    points = (corners + 0.5) * scale
    points[at_rim[0], 0], points[at_rim[1], 1] = -9, -9
    points[at_rim[2], 0], points[at_rim[3], 1] = shape[1] + 9, shape[0] + 9
    sheet = Image.new("1", (shape[1], shape[0]))
    ImageDraw.Draw(sheet).polygon([tuple(p) for p in points.tolist()], fill=1)
    margin = max(2, round(2.5 * float(scale.max())))
    drawn = np.pad(np.asarray(sheet), margin, mode="edge")
    return ndimage.minimum_filter(drawn, 2 * margin + 1)[margin:-margin, margin:-margin]
