"""Writers on the Hugging Face Hub: upload and download."""

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
    """The part of `Writer` for the Hub; it needs the extra ``hub``; see `allograph.hub`."""

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
        """Upload the weights and their card to the Hub as one safetensors file; return the commit's address.

        The repository is created if necessary; if it has no README.md, it gets one.

        Args:
            repository: OWNER/NAME.
            file: the file's path in it.
            revision: an existing branch; None is the main one.
            private: whether a new repository is private.
            token: None means that of `hf auth login` or HF_TOKEN.
            message: the commit's message.

        Raises:
            AllographError: the extra is missing, a name is not valid, or the Hub refuses or cannot be reached.
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
        """A writer with weights from the Hub, like `allograph.load` of hf://OWNER/NAME/FILE@REVISION.

        Raises:
            AllographError: as `allograph.load`.
        """
        import allograph

        return allograph.load(hub.download(hub.Address.checked(repository, file, revision), token))
