"""Figures for pages with a dark background, made of the same figures in light."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import Animation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import to_rgba, to_rgba_array
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation, Text

from experiments.common import Drawings, draw

GROUND = np.array(to_rgba("#0d1117"))[:3]
TEXT = np.array(to_rgba("#e6edf3"))[:3]
SUFFIX = ".dark"
GRAY = 0.1  # a color whose channels differ by less is a gray


def draw_both(folder: Path, drawings: Drawings) -> list[str]:
    """Save each drawing for light pages and, as "name.dark.png", for dark ones.

    Returns the names of the light files.
    """
    files = draw(folder, drawings)
    for drawing in drawings.values():
        darken(figure_of(drawing))
    draw(folder, drawings, suffix=SUFFIX)
    return files


def dark_file(file: str) -> str:
    """Return the name of the dark drawing of a light one: "a.dark.png" of "a.png".

    >>> dark_file("results/xor-1/solved.png")
    'results/xor-1/solved.dark.png'
    """
    name, _, kind = file.rpartition(".")
    return f"{name}{SUFFIX}.{kind}"


def figure_of(drawing: Figure | Animation) -> Figure:
    """Return the figure that is drawn, or that an animation moves."""
    if isinstance(drawing, Figure):
        return drawing
    return drawing._fig  # type: ignore[attr-defined]   # the only name that matplotlib has for it


def darken(figure: Figure) -> None:
    """Turn the grays of a figure around: white becomes the dark ground, and black becomes light.

    Colors stay. So do heatmaps and what is written on them, since a cell's color is a value.
    """
    on_values = _texts_on_values(figure.axes)
    for artist in figure.findobj():
        if artist not in on_values:
            _darken(artist)
    for axes in figure.axes:
        axes.tick_params(which="both", color=tuple(TEXT), labelcolor=tuple(TEXT))


def _texts_on_values(all_axes: Sequence[Axes]) -> set[Artist]:
    """Return the texts that stand on an image or on a mesh of colored cells."""
    texts: set[Artist] = set()
    for axes in all_axes:
        has_mesh = any(isinstance(each, QuadMesh) for each in axes.collections)
        if axes.images or has_mesh:
            texts.update(axes.texts)
    return texts


def _darken(artist: Any) -> None:
    """Turn the grays of one artist around."""
    if isinstance(artist, Text):
        artist.set_color(_turned(artist.get_color()))
        patches: list[Patch | None] = [artist.get_bbox_patch()]
        if isinstance(artist, Annotation):
            patches.append(artist.arrow_patch)
        for patch in patches:
            if patch is not None:
                _darken(patch)
    elif isinstance(artist, Line2D):
        line = artist.get_color()
        marker, rim = artist.get_markerfacecolor(), artist.get_markeredgecolor()
        artist.set_color(_turned(line))
        artist.set_markerfacecolor(_turned(marker))
        artist.set_markeredgecolor(_turned(rim))
    elif isinstance(artist, ContourSet):
        if not artist.filled:  # its lines have the colors of levels, mostly grays
            colors = (
                artist.to_rgba(artist.get_array())
                if artist.colors is None
                else artist.get_edgecolor()
            )
            artist.set_array(None)
            artist.set_edgecolor(_turned(colors))
    elif isinstance(artist, Patch) or (
        isinstance(artist, Collection) and artist.get_array() is None
    ):
        face, edge = artist.get_facecolor(), artist.get_edgecolor()
        artist.set_facecolor(_turned(face))
        artist.set_edgecolor(_turned(edge))


def _turned(color: Any) -> Any:
    """Return a color, or each of several, with its gray turned around."""
    if isinstance(color, str) and color in ("none", "auto"):
        return color
    colors = to_rgba_array(color)
    is_gray = np.ptp(colors[:, :3], axis=1) < GRAY
    lightness = colors[:, :3].mean(axis=1, keepdims=True)
    turned = lightness * GROUND + (1 - lightness) * TEXT
    colors[is_gray, :3] = turned[is_gray]
    return colors if len(colors) != 1 else tuple(colors[0])
