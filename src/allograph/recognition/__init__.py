"""Recognition: which of several symbols does a drawing show, if any, given one or a few drawings of each?"""

from __future__ import annotations

__all__ = ["Guess", "Recognised", "Recogniser"]

from allograph.recognition.recogniser import Guess, Recognised, Recogniser
