"""Edges of a picture as white lines on black, for ControlNets that follow those.

Source: J. Canny, "A Computational Approach to Edge Detection", 1986.
"""

import numpy as np
from PIL import Image as Picture
from scipy import ndimage

_LOW, _HIGH = 100.0, 200.0  # the thresholds that the published ControlNets were trained with, for L1 slopes


def canny(picture: Picture.Image) -> Picture.Image:
    """The edges of a picture, of its size."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    across, down = ndimage.sobel(grey, axis=1), ndimage.sobel(grey, axis=0)
    thin = _ridges(np.abs(across) + np.abs(down), across, down)
    labels, _ = ndimage.label(thin > _LOW, structure=np.ones((3, 3)))
    strong = np.unique(labels[thin > _HIGH])
    edges = np.isin(labels, strong[strong > 0])
    return Picture.fromarray(np.where(edges, 255, 0).astype(np.uint8)).convert("RGB")


def _ridges(slope: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The slope where it is the steepest along its own direction, nothing elsewhere."""
    # one of four directions: 0 across, 1 down to the right, 2 down, 3 up to the right
    turn = np.rint(np.arctan2(down, across) / (np.pi / 4)).astype(int) % 4
    wide = np.pad(slope, 1)
    height, width = slope.shape
    thin = np.zeros_like(slope)
    for direction, (y, x) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = wide[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        behind = wide[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        peak = (turn == direction) & (slope > ahead) & (slope >= behind)
        thin[peak] = slope[peak]
    return thin
