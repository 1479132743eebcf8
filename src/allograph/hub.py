"""Weights on the Hugging Face Hub: hf://OWNER/NAME[/FILE][@REVISION], by `huggingface_hub`, the extra `hub`.

FILE is model.safetensors unless named, and is always a safetensors file: nothing else is downloaded. REVISION is a
branch, a tag or a commit. Files are kept in that library's cache; with HF_HUB_OFFLINE=1 they are taken from there
alone. HF_ENDPOINT names another server, and `hf auth login` gives access to private repositories.
"""

from __future__ import annotations

__all__ = ["FILE", "PREFIX", "Address", "download", "upload"]

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from allograph.errors import AllographError, first_line, shown

PREFIX = "hf://"
FILE = "model.safetensors"

_SUFFIX = ".safetensors"
_ADDRESS = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(?:/(?P<file>[^@]+?))?(?:@(?P<revision>[^@]+))?")


@dataclass(frozen=True)
class Address:
    """Where a weights file is on the Hub.

    Attributes:
        repository: OWNER/NAME.
        file: its path in the repository.
        revision: a branch, a tag or a commit; None is the main branch.
    """

    repository: str
    file: str = FILE
    revision: str | None = None

    def __post_init__(self) -> None:
        if not self.file.endswith(_SUFFIX):
            raise AllographError(f"{self} is not a {_SUFFIX} file, the only kind that is loaded; name one")

    @classmethod
    def of(cls, text: str) -> Self:
        """Read hf://OWNER/NAME[/FILE][@REVISION].

        Raises:
            AllographError: the text is something else, or the file no safetensors file.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise AllographError(f"{shown(text)} is not an address: write hf://OWNER/NAME[/FILE{_SUFFIX}][@REVISION]")
        return cls(found["repository"], found["file"] or FILE, found["revision"])

    @classmethod
    def checked(cls, repository: str, file: str, revision: str | None) -> Self:
        """The same from its parts."""
        return cls.of(f"{PREFIX}{repository}/{file}{'' if revision is None else f'@{revision}'}")

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}/{self.file}{f'@{self.revision}' if self.revision else ''}"


def download(address: Address, token: str | None = None) -> Path:
    """The file on this machine, from the cache if it is there and still the Hub's newest.

    Raises:
        AllographError: the extra is missing, there is no such repository, revision or file, or the Hub cannot be
            reached and the file is not in the cache.
    """
    with _explained(address, "read"):
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(address.repository, address.file, revision=address.revision, token=token))


def upload(
    address: Address, weights: Path, card: Mapping[str, Any], *, private: bool, token: str | None, message: str
) -> str:
    """Upload a weights file to the Hub, to a repository that is created if necessary; return the commit's address.

    A repository without a README.md gets one with the facts of the model's card.

    Raises:
        AllographError: the extra is missing, or the Hub refuses or cannot be reached.
    """
    with _explained(address, "write"):
        from huggingface_hub import CommitOperationAdd, HfApi

        api = HfApi(token=token)
        api.create_repo(address.repository, private=private, exist_ok=True)
        files = [CommitOperationAdd(address.file, str(weights))]
        if not api.file_exists(address.repository, "README.md", revision=address.revision):
            files.append(CommitOperationAdd("README.md", _readme(address, card).encode()))
        commit = api.create_commit(
            address.repository, files, commit_message=message, revision=address.revision, repo_type="model"
        )
        return str(commit.commit_url)


def _readme(address: Address, card: Mapping[str, Any]) -> str:
    """A README.md that describes the weights, in the form that the Hub reads."""
    from huggingface_hub import ModelCardData

    license_ = card.get("license")
    about = ModelCardData(
        library_name="allograph",
        tags=["allograph", "one-shot-generation", "handwriting"],
        license=license_.lower() if isinstance(license_, str) else None,
    )
    data = card.get("data")
    trained = data.get("name") if isinstance(data, Mapping) else None
    place = address if address.file != FILE or address.revision else f"{PREFIX}{address.repository}"
    return (
        f"---\n{about.to_yaml()}\n---\n\n# {address.repository}\n\n"
        "A model for allograph: show it one drawing of a symbol, and it writes new drawings of it."
        f"{f' It was trained on {shown(trained)}.' if trained else ''}\n\n"
        f"```sh\npip install 'allograph[hub]'\nallograph write glyph.png --model {place}\n```\n\n"
        f"`allograph info {place}` prints its card.\n"
    )


@contextmanager
def _explained(address: Address, verb: str) -> Iterator[None]:
    """Turns the library's errors into one line each; the imports inside need the extra."""
    try:
        import huggingface_hub.errors as known
    except ModuleNotFoundError as error:
        raise AllographError(
            f"{PREFIX} addresses need {error.name}, which is not installed: pip install 'allograph[hub]'"
        ) from error
    try:
        yield
    except known.GatedRepoError as error:
        message = f"{address.repository} asks for consent first: give it on its page, then run `hf auth login`"
        raise AllographError(message) from error
    except known.RepositoryNotFoundError as error:
        message = (
            f"there is no repository {address.repository} on the Hub, or it is private: check the name, or run "
            "`hf auth login`"
        )
        raise AllographError(message) from error
    except known.RevisionNotFoundError as error:
        raise AllographError(f"{address.repository} has no revision {shown(address.revision)}: check it") from error
    except (known.OfflineModeIsEnabled, known.LocalEntryNotFoundError) as error:
        raise AllographError(_unreached(address, verb)) from error
    except known.EntryNotFoundError as error:
        raise AllographError(
            f"{address.repository} has no file {address.file}: name another, {PREFIX}{address.repository}/FILE{_SUFFIX}"
        ) from error
    except known.HFValidationError as error:
        raise AllographError(f"{address} is not an address on the Hub ({first_line(error)})") from error
    except known.HfHubHTTPError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        remedy = "run `hf auth login` with a token that may" if status in (401, 403) else "try again later"
        raise AllographError(f"the Hub refuses to {verb} {address} ({first_line(error)}): {remedy}") from error
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        raise AllographError(_unreached(address, verb)) from error


def _is_of_the_network(error: Exception) -> bool:
    """Whether a connection failed; the HTTP library of `huggingface_hub` has changed more than once."""
    kinds = {base.__module__.partition(".")[0] for base in type(error).__mro__}
    return isinstance(error, OSError) or bool(kinds & {"httpx", "httpx2", "httpcore", "httpcore2", "requests"})


def _unreached(address: Address, verb: str) -> str:
    if verb == "write":
        return f"the Hub cannot be reached, so {address} is not written: check the network and HF_HUB_OFFLINE"
    return f"the Hub cannot be reached, and {address} is not in the cache: check the network and HF_HUB_OFFLINE"
