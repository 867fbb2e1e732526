"""What the models of this package share: they load whole or not at all, and nobody overwrites timm's weights.

A configuration refuses misspelt settings and files of another kind of model; a model refuses weights that do not fit.
"""

import difflib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from artextract_hf.errors import ModelError

_MISFITS = ("missing_keys", "unexpected_keys", "mismatched_keys")


class StrictConfig(PreTrainedConfig):
    """A transformers configuration that takes no other model's file and no misspelt setting."""

    @classmethod
    def get_config_dict(cls, name: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What config.json says, as transformers reads it.

        Raises:
            ModelError: it describes another kind of model. transformers would warn, and fill in what is missing.
        """
        document, unused = super().get_config_dict(name, **kwargs)
        kind = document.get("model_type", cls.model_type)
        if kind != cls.model_type:
            raise ModelError(f"{str(name)!r} is a model of the kind {kind!r}; {cls.__name__} reads {cls.model_type!r}.")
        return document, unused

    @classmethod
    def refuse_misspelt(cls, extra: dict[str, Any], names: Sequence[str]) -> None:
        """Refuse near misses of these settings; transformers keeps any unknown key as an attribute.

        Raises:
            ModelError: a key is almost the name of a setting.
        """
        for key in extra:
            if near := difflib.get_close_matches(key, names, n=1, cutoff=0.8):
                raise ModelError(f"{cls.__name__} has no {key!r}. Did you mean {near[0]!r}?")

    def require_positive(self, *names: str) -> None:
        """Refuse sizes below 1.

        Raises:
            ModelError: a setting is less than 1.
        """
        for name in names:
            if getattr(self, name) < 1:
                raise ModelError(f"{type(self).__name__}.{name} is {getattr(self, name)}; it must be at least 1.")


class StrictPreTrainedModel(PreTrainedModel):
    """A transformers model whose `from_pretrained` never half-succeeds."""

    main_input_name = "pixel_values"
    # Prefixes of weights that a checkpoint may hold beyond this model's. Not transformers' own list of the kind, which
    # a model inherits from the models inside it.
    may_be_left_over: tuple[str, ...] = ()
    misfit_hint = ""  # what to do about weights that do not fit

    def _init_weights(self, module: nn.Module) -> None:
        """Keep what torch and timm initialised; transformers' own would overwrite a pretrained backbone.

        from_pretrained builds on the meta device, so buffers that are not saved must be made anew.
        """
        if hasattr(module, "init_non_persistent_buffers"):
            module.init_non_persistent_buffers()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str, *args: Any, **kwargs: Any) -> Any:
        """Load weights, all of them, as float32 unless `dtype` says otherwise, in eval mode.

        Raises:
            ModelError: a weight is missing, left over, or of another shape. transformers would only log it and go on
                with random numbers.
        """
        kwargs.setdefault("dtype", torch.float32)
        want_info = kwargs.pop("output_loading_info", False)
        kwargs |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # reported below, with their names
        with _without_report():
            model, info = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        wrong = {kind: sorted(_key(k) for k in info[kind]) for kind in _MISFITS}
        wrong["unexpected_keys"] = [k for k in wrong["unexpected_keys"] if not k.startswith(cls.may_be_left_over)]
        if any(wrong.values()):
            report = "; ".join(f"{kind.replace('_', ' ')}: {', '.join(v[:3])}" for kind, v in wrong.items() if v)
            message = f"the weights of {str(pretrained_model_name_or_path)!r} do not fit {cls.__name__}: {report}."
            raise ModelError(f"{message} {cls.misfit_hint}".rstrip())
        return (model, info) if want_info else model


@contextmanager
def _without_report() -> Iterator[None]:
    """Drop transformers' table of weights that do not fit: some may be left over, and the others raise."""
    logger = logging.getLogger("transformers.modeling_utils")

    def keep(record: logging.LogRecord) -> bool:
        return "LOAD REPORT" not in record.getMessage()

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _key(entry: str | tuple) -> str:
    """The name of a weight; of a mismatched one transformers gives its shapes too."""
    return entry if isinstance(entry, str) else str(entry[0])
