"""Names of models: the project's own, a directory, or any other repository of the Hub."""

import os
from functools import partial, wraps
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel
from transformers.image_processing_utils import BaseImageProcessor

from artextract_hf.documents import read_document
from artextract_hf.embedded import DEFAULT, EMBEDDED
from artextract_hf.errors import ArtExtractError, ModelError, first_line
from artextract_hf.models.strict_loading import refuse_reaching
from artextract_hf.remote import FAILURES, is_absent, reason, retry, snapshot

MAIN = "main"  # the branch that is read where no revision is given
FILES = ("*.json", "*.safetensors", "README.md")  # of a repository, what a model is read from, and its card
HUB_OPTIONS = ("cache_dir", "force_download", "local_files_only", "token")  # of `from_pretrained`, about downloads


def resolve(name: str, revision: str | None = None, **options: Any) -> str:
    """The directory that holds the model called `name`, fetched from the Hub where it is a repository there.

    `default` is the embedded classifier, whose embedding is also the default of searches. The project's own
    repositories fall back to what is embedded when the Hub has no such repository or cannot be reached; not so where a
    revision is asked for, since the embedded weights are of none.

    Args:
        name: one of the project's own, a directory, or `owner/name`.
        revision: a branch, a tag or a commit of the repository; a directory has none.
        options: of downloads, see HUB_OPTIONS.

    Raises:
        ModelError: neither a directory with a model, nor a repository that could be fetched.
    """
    for value, what in ((name, "name"), *([] if revision is None else [(revision, "revision")])):
        if not isinstance(value, str | Path):
            raise ModelError(f"the {what} of a model is {value!r:.60}; it must be a text.")
    revision = None if revision == MAIN else revision
    if name == DEFAULT:
        if revision is not None:
            raise ModelError(
                f"{DEFAULT!r} is the embedded model, which has no revision {revision!r}; name a repository."
            )
        return str(EMBEDDED[DEFAULT])
    if os.path.isdir(name):  # noqa: PTH112  (which raises on names that are too long)
        if not (Path(name) / "config.json").is_file():
            raise ModelError(f"{name} holds no model: its config.json is missing.")
        return name
    try:
        return str(retry(partial(snapshot, name, revision=revision, allow_patterns=FILES, **options)))
    except ArtExtractError:
        raise
    except FAILURES as error:
        if name in EMBEDDED and revision is None and is_absent(error):
            return str(EMBEDDED[name])
        at = f" at revision {revision!r}" if revision else ""
        raise ModelError(
            f"there is no model {name!r}{at}: no such directory, and the Hub did not give it ({reason(error)}). "
            f"Known names: {', '.join(EMBEDDED)}."
        ) from None


def check_documents(directory: Path) -> None:
    """Refuse a model's documents that are no JSON objects or reach beyond it, before transformers reads them.

    Raises:
        ModelError: a document is damaged, no file, or has what `refuse_reaching` refuses; or the directory holds an
            adapter, for which transformers would load the model that it names.
    """
    if (directory / "adapter_config.json").exists():
        raise ModelError(f"{directory} holds an adapter, adapter_config.json; only whole models are read here.")
    for name in ("config.json", "preprocessor_config.json"):
        if (directory / name).exists():
            document = read_document(directory / name, ModelError)
            if name == "config.json":
                refuse_reaching(document, str(directory))


def _said(error: Exception) -> str:
    """The first line of an error, with its kind where that says more."""
    return f"{type(error).__name__}: {first_line(error)}"


def know_own_names(kind: type[PreTrainedConfig | PreTrainedModel | BaseImageProcessor]) -> None:
    """Let `kind.from_pretrained` take the project's own names, as `resolve` does; any other name passes as it is.

    Not in the class itself: its file is also published as remote code, which has no embedded weights beside it.
    """
    load = kind.from_pretrained.__func__

    @wraps(load)
    def from_pretrained(cls: type, pretrained_model_name_or_path: str | Path, *args: Any, **kwargs: Any) -> Any:
        name = str(pretrained_model_name_or_path)
        if name in EMBEDDED:
            options = {option: kwargs.pop(option) for option in HUB_OPTIONS if option in kwargs}
            pretrained_model_name_or_path = resolve(name, kwargs.pop("revision", None), **options)
        where = str(pretrained_model_name_or_path)
        if (Path(where) / "config.json").exists():
            check_documents(Path(where))
        try:
            return load(cls, pretrained_model_name_or_path, *args, **kwargs)
        except ArtExtractError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever a file makes transformers stumble over)
            if isinstance(error, OSError) and not Path(where).is_dir():  # of the Hub, in words that its users know
                raise
            raise ModelError(f"{name!r} cannot be loaded as {cls.__name__}: {_said(error)}") from None

    kind.from_pretrained = classmethod(from_pretrained)
