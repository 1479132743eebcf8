"""Exporting takes an extra of its own."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx", reason="onnx is not installed: pip install 'allograph[export]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install 'allograph[export]'")
