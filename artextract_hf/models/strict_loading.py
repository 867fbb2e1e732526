"""What the models of this package share: weights are loaded whole or not at all, and nobody overwrites timm's."""

from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from artextract_hf.errors import ModelError

_MISFITS = ("missing_keys", "unexpected_keys", "mismatched_keys")


class StrictPreTrainedModel(PreTrainedModel):
    """A transformers model whose `from_pretrained` never half-succeeds."""

    main_input_name = "pixel_values"
    # Prefixes of weights that a checkpoint may hold beyond this model's. Not transformers' own list of the kind, which
    # a model inherits from the models inside it.
    may_be_left_over: tuple[str, ...] = ()

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
            ModelError: a weight is missing, left over, or of another shape. transformers alone would only log it and
                go on with random numbers.
        """
        kwargs.setdefault("dtype", torch.float32)
        want_info = kwargs.pop("output_loading_info", False)
        kwargs |= {"output_loading_info": True, "ignore_mismatched_sizes": True}  # reported below, with their names
        model, info = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        wrong = {kind: sorted(_key(k) for k in info[kind]) for kind in _MISFITS}
        wrong["unexpected_keys"] = [k for k in wrong["unexpected_keys"] if not k.startswith(cls.may_be_left_over)]
        if any(wrong.values()):
            report = "; ".join(f"{kind.replace('_', ' ')}: {', '.join(v[:3])}" for kind, v in wrong.items() if v)
            raise ModelError(f"the weights of {pretrained_model_name_or_path!r} do not fit {cls.__name__}: {report}")
        return (model, info) if want_info else model


def _key(entry: str | tuple) -> str:
    """The name of a weight; of a mismatched one transformers gives its shapes too."""
    return entry if isinstance(entry, str) else str(entry[0])
