"""Names of models: the project's own on the Hub, the embedded default, a directory, or any other Hub repository."""

import os
from pathlib import Path

from artextract_hf.data.insist import insist
from artextract_hf.errors import ModelError

PRETRAINED = Path(__file__).parent.parent / "pretrained"
NAMESPACE = os.environ.get("ARTEXTRACT_NAMESPACE", "artextract")
DEFAULT = "default"
CLASSIFIER = "crnn-wikiart"
EMBEDDER = "byol-paintings"
REACH_TIMEOUT_S = 5


def resolve(name: str) -> str:
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
        return _fetch(name)
    except ModelError:
        for own in (CLASSIFIER, EMBEDDER):
            if name == f"{NAMESPACE}/{own}" and (PRETRAINED / own).is_dir():
                return str(PRETRAINED / own)
        raise


def _fetch(repo_id: str) -> str:
    from httpx2 import TransportError  # huggingface_hub's client: no connection, no answer in time
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    from huggingface_hub.utils import OfflineModeIsEnabled

    try:
        try:
            HfApi().model_info(repo_id, timeout=REACH_TIMEOUT_S)
            reachable = True
        except (TransportError, OfflineModeIsEnabled):
            reachable = False  # then a cached copy will do; snapshot_download itself would first retry for 23 s
        patterns = ["*.json", "*.safetensors"]
        return insist(lambda: snapshot_download(repo_id, allow_patterns=patterns, local_files_only=not reachable))
    except (OSError, TransportError, HfHubHTTPError, HFValidationError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"there is no model {repo_id!r}: no such directory, and the Hub did not give it ({reason}). "
            f"Known names: {DEFAULT}, {NAMESPACE}/{CLASSIFIER}, {NAMESPACE}/{EMBEDDER}."
        ) from None
