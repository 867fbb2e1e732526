"""What the models of this package share: they load whole or not at all, and nobody overwrites timm's weights.

A configuration refuses misspelt settings and files of another kind of model; a model refuses weights that do not fit.
"""

import difflib
import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from artextract_hf.errors import ModelError
from artextract_hf.weights import check_weights, read_shapes

# Keys of a config.json by which transformers would load code or read files that it names, rebuild the network, or make
# a list of this length.
REACHING = {
    "attn_implementation", "_attn_implementation", "_attn_implementation_internal",
    "experts_implementation", "_experts_implementation", "_experts_implementation_internal",
    "configuration_files", "extra_files", "fusion_config", "gguf_file", "kernel_config", "num_labels",
    "per_layer_config", "quantization_config", "transformers_weights", "use_kernels",
}  # fmt: skip
# Largest settings: what takes time or memory before the weights tell that it does not fit.
MOST, MOST_OF_ANY = {"image_size": 1024, "num_layers": 16, "num_attention_heads": 256}, 2**20
_MISFITS = ("missing_keys", "unexpected_keys", "mismatched_keys")


class StrictConfig(PreTrainedConfig):
    """A transformers configuration that takes no other model's file and no misspelt setting."""

    @classmethod
    def get_config_dict(cls, name: Any, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What config.json says, as transformers reads it.

        Raises:
            ModelError: it describes another kind of model, or has what `refuse_reaching` refuses. transformers would
                warn, and fill in what is missing.
        """
        document, unused = super().get_config_dict(name, **kwargs)
        refuse_reaching(document, str(name))
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
        """Refuse sizes below 1, and those of MOST beyond it.

        Raises:
            ModelError: a setting is less than 1, or too large.
        """
        for name in names:
            if getattr(self, name) < 1:
                raise ModelError(f"{type(self).__name__}.{name} is {getattr(self, name)}; it must be at least 1.")
            if getattr(self, name) > MOST.get(name, MOST_OF_ANY):
                raise ModelError(
                    f"{type(self).__name__}.{name} is {getattr(self, name)}; it may be {MOST.get(name, MOST_OF_ANY)}."
                )


class StrictPreTrainedModel(PreTrainedModel):
    """A transformers model whose `from_pretrained` never half-succeeds."""

    main_input_name = "pixel_values"
    # Prefixes of weights that a checkpoint may hold beyond this model's. Not transformers' own list of the kind, which
    # a model inherits from the models inside it.
    may_be_left_over: tuple[str, ...] = ()
    # Prefixes of weights that are made anew where a checkpoint has none of their shape, if `ignore_mismatched_sizes`
    # says so.
    may_be_new: tuple[str, ...] = ()
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

        With `ignore_mismatched_sizes=True` a classifier's heads may differ from the checkpoint's: those are random
        then, to be learnt, and what the checkpoint holds beyond is left over.

        Raises:
            ModelError: a weight is missing, left over, or of another shape. transformers would only log it and go on
                with random numbers.
        """
        kwargs.setdefault("dtype", torch.float32)
        want_info = kwargs.pop("output_loading_info", False)
        kwargs["output_loading_info"] = True
        anew = kwargs.get("ignore_mismatched_sizes", False)
        kwargs["use_safetensors"] = True  # no pickle is read
        with _without_report():
            model, info = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        wrong = {kind: sorted(_key(k) for k in info[kind]) for kind in _MISFITS}
        cls._refuse_misfits(wrong, pretrained_model_name_or_path, anew=anew)
        for name in {key.rpartition(".")[0] for key in (*wrong["missing_keys"], *wrong["mismatched_keys"])}:
            model.get_submodule(name).reset_parameters()  # `_init_weights` leaves them as they were allocated
        return (model, info) if want_info else model

    @classmethod
    def _refuse_misfits(cls, found: dict[str, list[str]], name: object, *, anew: bool) -> None:
        """Refuse weights that are missing, left over or of another shape, given by these kinds."""
        spared = cls.may_be_new if anew else ()
        wrong = {kind: [key for key in keys if not key.startswith(spared)] for kind, keys in found.items()}
        left_over = [] if spared else wrong["unexpected_keys"]
        wrong["unexpected_keys"] = [key for key in left_over if not key.startswith(cls.may_be_left_over)]
        if any(wrong.values()):
            report = "; ".join(f"{kind.replace('_', ' ')}: {', '.join(v[:3])}" for kind, v in wrong.items() if v)
            message = f"the weights of {str(name)!r} do not fit {cls.__name__}: {report}."
            new = cls.may_be_new and all(key.startswith(cls.may_be_new) for keys in wrong.values() for key in keys)
            hint = "With ignore_mismatched_sizes=True they are made anew, to be learnt." if new else cls.misfit_hint
            raise ModelError(f"{message} {hint}".rstrip())

    @classmethod
    def _load_pretrained_model(
        cls, model: Any, state_dict: Any, checkpoint_files: Any, load_config: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """What transformers calls with the model that it has built without memory. Weights that do not fit are refused
        here: transformers would give memory to all that a configuration asks for and the file does not hold.
        """
        name = load_config.pretrained_model_name_or_path
        shapes: dict[str, tuple[int, ...]] = {}
        for path in map(Path, checkpoint_files or ()):
            shapes |= check_weights(path)
        if checkpoint_files:
            cls._refuse_misfits(_misfits(model, shapes), name, anew=load_config.ignore_mismatched_sizes)
        return super()._load_pretrained_model(model, state_dict, checkpoint_files, load_config, *args, **kwargs)


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


def refuse_reaching(document: dict[str, Any], name: str) -> None:
    """Refuse a configuration that reaches beyond its own weights, in any of its parts.

    Args:
        document: what config.json says.
        name: of the model.

    Raises:
        ModelError: it has one of the keys REACHING, or a `dtype` that is none of torch's.
    """
    for part in _parts(document):
        if reaching := sorted(REACHING & set(part)):
            raise ModelError(
                f"{name!r} has {reaching[0]!r} in its config.json, which models here do not take; remove it there."
            )
        for key in ("dtype", "torch_dtype"):
            stated = part.get(key)
            if stated is not None and not isinstance(getattr(torch, str(stated), None), torch.dtype):
                raise ModelError(
                    f"{name!r} has the {key} {str(stated)[:40]!r} in its config.json; it has to be one of torch's, "
                    "such as 'float32'."
                )


def _parts(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A configuration, and those inside it: of towers, of texts and pictures, of companions."""
    yield document
    for key, value in document.items():
        if key == "companions" or key.endswith(("_config", "_config_dict")):
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, dict):
                    yield from _parts(inner)


def refuse_larger(skeleton: nn.Module, files: Sequence[Path], name: str) -> None:
    """Refuse a configuration that asks for far more memory than its weights can fill.

    Args:
        skeleton: the network, built on the meta device.
        files: of its weights.
        name: of the model.

    Raises:
        ModelError: the network has more than twice as many numbers as the files.
    """
    asked = sum(tensor.numel() for tensor in skeleton.state_dict().values())
    held = sum(math.prod(shape) for path in files for shape in read_shapes(path).values())
    if asked > 2 * held:
        raise ModelError(f"{name!r} describes a network of {asked:,} weights, and holds {held:,}.")


def _misfits(model: PreTrainedModel, shapes: dict[str, tuple[int, ...]]) -> dict[str, list[str]]:
    """Weights that a model misses in a file or finds in another shape; a trunk is found within its whole model too."""
    prefix = f"{model.base_model_prefix}."
    ignored = [re.compile(pattern) for pattern in model._keys_to_ignore_on_load_missing or ()]
    missing, mismatched = [], []
    for key, tensor in model.state_dict().items():
        found = next((shapes[name] for name in (key, prefix + key, key.removeprefix(prefix)) if name in shapes), None)
        if found is None and not any(pattern.search(key) for pattern in ignored):
            missing.append(key)
        elif found is not None and found != tuple(tensor.shape):
            mismatched.append(key)
    return {"missing_keys": sorted(missing), "unexpected_keys": [], "mismatched_keys": sorted(mismatched)}


def _key(entry: str | tuple) -> str:
    """The name of a weight; of a mismatched one transformers gives its shapes too."""
    return entry if isinstance(entry, str) else str(entry[0])
