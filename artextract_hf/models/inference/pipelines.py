"""`pipeline("art-attributes")`: every task of a classifier at once, and where it looked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import Pipeline

from artextract_hf.data.decode import ImageSource, decode_image
from artextract_hf.data.labels import display_name
from artextract_hf.errors import ModelError
from artextract_hf.models.inference.micro_batches import micro_batches
from artextract_hf.models.inference.open_set import doubts

# Pictures of a list that are computed together, where a call does not say otherwise: on two cores they take a third
# less time than one by one (`benchmarks/speed/backends.py`).
BATCH = 16
# Keys beside those of the tasks, between the steps of the pipeline.
ATTENTION = "attention map"
DISTANCE = "distance of {}"


class ArtAttributesPipeline(Pipeline):
    """Style, genre and artist of a painting, each with its most probable classes.

    A call takes one picture or a list of them (PIL images, paths, bytes) and gives for each
    `{"tasks": {task: [{"label", "score"}, ...]}}`, with `return_attention=True` also `"attention"`: an array (h, w)
    that sums to 1 over the painting. A list is computed in batches of `batch_size`, 16 by default.

    A classifier that was calibrated for it adds `"set": {task: [label, ...]}`: the classes that cannot be ruled out,
    the most probable first. The right one is among them for nine of ten paintings of each class (`config.set_level`);
    where the list is empty, none of the classes fits the painting.

    A classifier that was fitted for it (`training/classifier/open_set.py`) adds `"painting"`: of paintings that it did
    not learn from, the share that look at least as unusual as the picture; below 5 % it may be no painting. And
    `"unknown": {"artist": share}`: of works of the artists that it knows, the share of which it is surer; above 95 %
    the artist may be another.
    """

    _load_processor = False
    _load_image_processor = True
    _load_feature_extractor = False
    _load_tokenizer = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"batch_size": BATCH} | kwargs)
        self.model.to(memory_format=torch.channels_last)  # as convolutions are computed fastest on a processor

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return [] if isinstance(inputs, list) and not inputs else super().__call__(inputs, *args, **kwargs)

    def _sanitize_parameters(
        self, top_k: int | None = None, return_attention: bool | None = None, **kwargs: Any
    ) -> tuple[dict, dict, dict]:
        if top_k is not None and (not hasattr(top_k, "__index__") or top_k < 1):
            raise ModelError(f"top_k is {top_k!r}; it must be a whole number, at least 1.")
        after = {"top_k": top_k, "return_attention": return_attention}
        return {}, {}, {key: value for key, value in after.items() if value is not None}

    def preprocess(self, input_: ImageSource | Image.Image) -> Any:  # noqa: D102
        picture = decode_image(input_, min_side=2 * self.model.config.image_size)
        return self.image_processor(images=[picture], return_tensors="pt")

    def _forward(self, model_inputs: Any) -> Any:
        outputs = [self.model(part) for part in micro_batches(self.model, model_inputs["pixel_values"])]
        logits = {task: torch.cat([o.task_logits[task] for o in outputs]) for task in self.model.config.tasks}
        far = {
            DISTANCE.format(name): torch.cat([o.distances[name] for o in outputs])
            for name in self.model.config.usual_distances
        }
        attended = outputs[0].attentions is not None
        return {**logits, **far, ATTENTION: torch.cat([o.attentions for o in outputs]) if attended else None}

    def postprocess(self, model_outputs: Any, top_k: int = 5, return_attention: bool = False) -> dict[str, Any]:  # noqa: D102
        answer: dict[str, Any] = {"tasks": {}}
        for task, names in self.model.config.tasks.items():
            if not model_outputs[task].isfinite().all():
                raise ModelError(f"the model gives no numbers for {task}: its weights are damaged.")
            scores, classes = model_outputs[task][0].float().softmax(dim=0).sort(descending=True, stable=True)
            ranked = list(zip(scores.tolist(), classes.tolist(), strict=True))
            answer["tasks"][task] = [{"label": names[c], "score": s} for s, c in ranked[:top_k]]
            if thresholds := self.model.config.set_thresholds.get(task):
                answer.setdefault("set", {})[task] = [names[c] for s, c in ranked if s >= thresholds[c]]
        usual = self.model.config.usual_distances
        far = {name: model_outputs[DISTANCE.format(name)].item() for name in usual}
        if not np.isfinite(list(far.values())).all():
            raise ModelError("the model gives no numbers for what is unusual: its weights are damaged.")
        answer |= doubts(far, usual)
        if return_attention:
            answer["attention"] = torch.mean(model_outputs[ATTENTION][0].float(), dim=0).numpy()
        return answer


def set_in_words(labels: Sequence[str]) -> str:
    """A prediction set as people read it.

    >>> set_in_words(["Art_Nouveau", "Realism"]), set_in_words([])
    ('Art Nouveau, Realism', 'none of the classes fits')
    """
    return ", ".join(map(display_name, labels)) or "none of the classes fits"
