"""Models as ONNX graphs for other programs, without torch; needs the extra `export`."""

from __future__ import annotations

__all__ = ["Exported", "check_exportable", "export"]

from allograph.export.files import Exported, check_exportable, export
