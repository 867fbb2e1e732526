"""The embedder for a name: a descriptor, a network of timm, or what a directory or a repository of the Hub holds.

Networks, with torch and timm, are imported where a name is no descriptor's: a search by `palette` starts without them.
"""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from artextract_hf.embedded import DEFAULT, EMBEDDED
from artextract_hf.embedders.descriptors import DESCRIPTORS, Descriptor
from artextract_hf.errors import ModelError

if TYPE_CHECKING:
    from artextract_hf.embedders.network import NetworkEmbedder


class AutoEmbedder:
    """Finds the embedder for a name."""

    @staticmethod
    def is_at_hand(name: str) -> bool:
        """Whether a name is one of this project's or of timm's own, or a repository in the Hub's cache."""
        if name in DESCRIPTORS or name in EMBEDDED:
            return True
        import timm

        from artextract_hf.models.names import resolve

        if timm.is_model(name):
            return True
        try:
            resolve(name, local_files_only=True)
        except ModelError:
            return False
        return True

    @staticmethod
    def from_pretrained(
        name: str | Path = DEFAULT, backend: str = "torch", *, revision: str | None = None
    ) -> "NetworkEmbedder | Descriptor":
        """Load an embedder.

        Args:
            name: `default`, a name of this project, `composition`, `palette` or `lighting` (formulas, no networks), any
                network of timm, or a directory or Hub repository that holds a classifier or BYOL encoder of this
                package, CLIP, SigLIP or a network of timm.
            backend: `torch`, or `openvino`, made for processors.
            revision: a branch, a tag or a commit of the repository.

        Raises:
            ModelError: no such model, revision or backend, or its weights cannot be fetched.
            ArtExtractError: OpenVINO is wanted and not installed.
        """
        name = str(name)
        if name in DESCRIPTORS and revision is None and backend == "torch":
            return DESCRIPTORS[name]()
        import timm

        from artextract_hf.embedders.directory import network_from_directory
        from artextract_hf.embedders.timm_embedder import load_timm
        from artextract_hf.models.inference.openvino_backend import check_backend
        from artextract_hf.models.names import resolve

        check_backend(backend)
        if name in DESCRIPTORS or timm.is_model(name):
            if revision is not None:
                raise ModelError(f"{name!r} is no repository of the Hub; it has no revision {revision!r}.")
            return DESCRIPTORS[name]() if name in DESCRIPTORS else load_timm(name, backend)
        try:
            return network_from_directory(name, resolve(name, revision), backend)
        except ModelError as error:
            near = difflib.get_close_matches(name, timm.list_models(), n=3)
            hint = f" A timm model of a similar name: {', '.join(near)}." if near else ""
            raise ModelError(f"{error}{hint}") from None
