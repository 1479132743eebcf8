"""A writer on the Hugging Face Hub: put there, and taken from there."""

from __future__ import annotations

__all__ = ["Published"]

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from allograph import hub

if TYPE_CHECKING:
    from allograph.card import ModelCard
    from allograph.generation.generator import Writer
    from allograph.models import GenerativeModel


class Published:
    """What `Writer` does with the Hub, which needs the extra ``hub``; see `allograph.hub`."""

    model: GenerativeModel
    card: ModelCard

    def push_to_hub(
        self,
        repository: str,
        file: str = hub.FILE,
        *,
        revision: str | None = None,
        private: bool = False,
        token: str | None = None,
        message: str = "Upload an allograph model",
    ) -> str:
        """Put the weights and their card on the Hub as one safetensors file; returns the commit's address.

        The repository is made where there is none; where it has no README.md, it gets one.

        Args:
            repository: OWNER/NAME.
            file: the file's path in it.
            revision: an existing branch; None is the main one.
            private: whether a repository that is made is private.
            token: None takes that of `hf auth login` or HF_TOKEN.
            message: of the commit.

        Raises:
            AllographError: the extra is missing, a name makes no sense, the Hub refuses or cannot be reached.
        """
        from allograph import weights

        address = hub.Address.checked(repository, file, revision)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / hub.FILE
            weights.save(path, self.model, self.card)
            return hub.upload(address, path, self.card, private=private, token=token, message=message)

    @staticmethod
    def from_pretrained(
        repository: str, file: str = hub.FILE, *, revision: str | None = None, token: str | None = None
    ) -> Writer:
        """The writer whose weights are on the Hub; like `allograph.load` of hf://OWNER/NAME/FILE@REVISION.

        Raises:
            AllographError: as `allograph.load`.
        """
        import allograph

        return allograph.load(hub.download(hub.Address.checked(repository, file, revision), token))
