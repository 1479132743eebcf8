"""Whether drawings can be written in a format."""

from __future__ import annotations

__all__ = ["check_format"]

from allograph.errors import AllographError
from allograph.generation.generator import Writer
from allograph.imaging import DrawingFormat


def check_format(writer: Writer, kind: DrawingFormat) -> None:
    """Refuse lines where the model's images have none.

    Raises:
        AllographError: the model draws pictures, not ink on paper.
    """
    if kind != "png" and not writer.space.inked:
        raise AllographError(f"this model draws pictures, which have no lines; leave out --format {kind}")
