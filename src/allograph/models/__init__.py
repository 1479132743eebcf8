"""The models of the family, behind one contract."""

from __future__ import annotations

__all__ = ["Drawings", "GenerativeModel", "SequentialConfig", "SequentialModel"]

from allograph.models.base import Drawings, GenerativeModel
from allograph.models.sequential import SequentialConfig, SequentialModel
