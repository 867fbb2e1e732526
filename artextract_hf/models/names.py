"""Names of models: the project's own on the Hub, the embedded default, a directory, or any other Hub repository."""

import os
from pathlib import Path

from artextract_hf.errors import ModelError
from artextract_hf.remote import download_snapshot

PRETRAINED = Path(__file__).parent.parent / "pretrained"
NAMESPACE = os.environ.get("ARTEXTRACT_NAMESPACE", "artextract")
DEFAULT = "default"
CLASSIFIER = "crnn-wikiart"
EMBEDDER = "byol-paintings"


def resolve(name: str, revision: str | None = None) -> str:
    """The directory that holds the model called `name`, fetched from the Hub where it is a repository there.

    `default` is the embedded classifier, whose embedding is also the default of searches. The project's own names fall
    back to what is embedded when the Hub cannot be reached or has no such repository.

    Raises:
        ModelError: neither a directory with a model, nor a repository that could be fetched.
    """
    if name == DEFAULT:
        return str(PRETRAINED / CLASSIFIER)
    if (path := Path(name)).is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{name} holds no model: its config.json is missing.")
        return name
    try:
        return _fetch(name, revision)
    except ModelError:
        for own in (CLASSIFIER, EMBEDDER):
            if name == f"{NAMESPACE}/{own}" and (PRETRAINED / own).is_dir():
                return str(PRETRAINED / own)
        raise


def _fetch(repo_id: str, revision: str | None) -> str:
    def missing(reason: str) -> ModelError:
        return ModelError(
            f"there is no model {repo_id!r}: no such directory, and the Hub did not give it ({reason}). "
            f"Known names: {DEFAULT}, {NAMESPACE}/{CLASSIFIER}, {NAMESPACE}/{EMBEDDER}."
        )

    patterns = ["*.json", "*.safetensors"]
    return str(download_snapshot(repo_id, missing, revision=revision, allow=patterns))
