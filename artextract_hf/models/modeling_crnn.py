"""The convolutional-recurrent classifier of paintings, as a transformers model.

    painting (N, 3, S, S) --timm backbone--> map (N, C, h, w) --> sequence (N, T, D) --LSTM or GRU--> (N, T, 2H)
        --attention--> summary (N, 2H), beside the average-pooled map (N, C) --one head a task--> logits

One trunk serves all tasks. The output includes the attention's weights, as a map over the painting. By configuration,
Gabor texture joins the map, a neck stands before the sequence, the grid is read by rows and by columns (4H for 2H),
attention comes before the recurrent network, and tasks have deeper heads. A classifier may have companions: networks of
the same kind on other trunks, whose logits are averaged with its own. In the end the logits of each task are divided by
its temperature.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils import ModelOutput

from artextract_hf.models.backbones import create_backbone, feature_map, feature_shape, stage_channels, staged_map
from artextract_hf.models.configuration_crnn import PAINTING, CrnnConfig
from artextract_hf.models.gabor import CHANNELS as TEXTURES
from artextract_hf.models.gabor import GaborBank
from artextract_hf.models.heads import AttentionPooling, make_head
from artextract_hf.models.losses import masked_cross_entropy
from artextract_hf.models.necks import make_neck
from artextract_hf.models.sequence import by_columns, to_map, to_sequence
from artextract_hf.models.strict_loading import StrictPreTrainedModel
from artextract_hf.models.whitening import TypicalPainting


@dataclass
class CrnnModelOutput(ModelOutput):
    """Output of `CrnnModel`.

    Attributes:
        pooler_output: (N, dim), the embedding of the painting.
        last_hidden_state: (N, T, 2H), the recurrent network's outputs; 4H where rows and columns are read.
        attentions: (N, heads, h, w), summing to 1 over the map; (N, heads, C) over channels; None without attention.
        statistics: (N, F) of two stages of the backbone, where the configuration has usual distances of paintings.
    """

    pooler_output: Tensor | None = None
    last_hidden_state: Tensor | None = None
    attentions: Tensor | None = None
    statistics: Tensor | None = None


@dataclass
class CrnnClassifierOutput(ModelOutput):
    """Output of `CrnnForImageClassification`.

    Attributes:
        loss: the mean of the tasks' losses, where labels were given.
        logits: (N, classes) of the active task.
        task_logits: logits of every task, by its name.
        attentions: as in `CrnnModelOutput`.
        embeddings: (N, dim), what the heads read.
        distances: (N,) by name, for each of the configuration's usual distances: of the picture from the average
            painting, and from a task's classes, the negative of the largest logit. None without any.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    task_logits: dict[str, Tensor] | None = None
    attentions: Tensor | None = None
    embeddings: Tensor | None = None
    distances: dict[str, Tensor] | None = None


class CrnnPreTrainedModel(StrictPreTrainedModel):
    """What the CRNN models share."""

    config_class = CrnnConfig
    base_model_prefix = "crnn"


class CrnnModel(CrnnPreTrainedModel):
    """The trunk: a painting becomes an embedding and an attention map."""

    may_be_left_over = ("heads.", "companions.", "typical.")  # the trunk alone may be taken from a classifier

    def __init__(self, config: CrnnConfig) -> None:
        super().__init__(config)
        channels, height, width = feature_shape(config.backbone, config.image_size)
        self.backbone = create_backbone(config.backbone, drop_path_rate=config.drop_path_rate)
        if config.gabor != "none":
            self.gabor = GaborBank(learnable=config.gabor == "learnable")
            self.texture_norm = nn.BatchNorm2d(TEXTURES)
            channels += TEXTURES
        self.project: nn.Module = nn.Identity()
        if config.projection_size:
            self.project = nn.Conv2d(channels, config.projection_size, kernel_size=1)
        projected = config.projection_size or channels
        self.neck = make_neck(config.neck, projected, dropout=config.dropout)
        step = height * width if config.sequence == "channels" else projected
        self.sequence_norm = nn.LayerNorm(step)
        self.dropout = nn.Dropout(config.dropout)
        self.summary_size = step
        if config.rnn_type != "none":
            self.rnn = self._recurrent(step)
            self.summary_size = config.hidden_size * (2 if config.bidirectional else 1)
        if config.sequence == "rows_and_columns":
            self.rnn_columns = self._recurrent(step)
            self.summary_size *= 2
        if config.attention != "none":
            attended = self.summary_size if config.attention == "after" else step
            self.attention = AttentionPooling(attended, heads=config.num_attention_heads)
        self.summary_norm = nn.LayerNorm(self.summary_size)
        if config.global_pool:
            self.global_norm = nn.LayerNorm(channels)
        self.embedding_size = self.summary_size + (channels if config.global_pool else 0)
        self.post_init()

    def _recurrent(self, step: int) -> nn.LSTM | nn.GRU:
        config = self.config
        kind = nn.LSTM if config.rnn_type == "lstm" else nn.GRU
        return kind(step, config.hidden_size, config.num_layers, batch_first=True, bidirectional=config.bidirectional)

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> CrnnModelOutput:
        """Embed paintings given as (N, 3, S, S)."""
        if PAINTING not in self.config.usual_distances:
            return self.read(self.features(pixel_values))
        features, statistics = staged_map(self.backbone, pixel_values)
        output = self.read(self._with_texture(features, pixel_values))
        output.statistics = statistics
        return output

    def features(self, pixel_values: Tensor) -> Tensor:
        """What `read` takes: the backbone's map (N, C, h, w), followed by the channels of texture.

        Nothing in it learns while the backbone is frozen, but for a learnable Gabor bank.
        """
        return self._with_texture(feature_map(self.backbone, pixel_values), pixel_values)

    def _with_texture(self, features: Tensor, pixel_values: Tensor) -> Tensor:
        if self.config.gabor == "none":
            return features
        texture = self.gabor(pixel_values, features.shape[-2:])
        return torch.cat((features, texture.to(features.dtype)), dim=1)

    def statistics(self, pixel_values: Tensor) -> Tensor:
        """(N, F) of two stages of the backbone, by which a painting is told (`training/classifier/open_set.py`).

        Raises:
            ModelError: the backbone gives no maps of its stages.
        """
        stage_channels(self.config.backbone)
        return staged_map(self.backbone, pixel_values)[1]

    def read(self, features: Tensor) -> CrnnModelOutput:
        """The rest of `forward`, from the map (N, C, h, w) that `features` gives; training calls it on stored maps."""
        height, width = features.shape[-2:]
        # Not under autocast, but in the weights' type: it is a few per cent of the work and loses accuracy in bfloat16.
        with torch.autocast(features.device.type, enabled=False):
            features = features.to(self.sequence_norm.weight.dtype)
            if self.config.gabor != "none":
                texture = self.texture_norm(features[:, -TEXTURES:])
                features = torch.cat((features[:, :-TEXTURES], texture), dim=1)
            sequence = to_sequence(self.neck(self.project(features)), self.config.sequence)
            sequence = self.dropout(self.sequence_norm(sequence))
            states, summary, weights = self._summarise(sequence, height, width)
            parts = [self.summary_norm(summary)]
            if self.config.global_pool:
                parts.append(self.global_norm(features.mean(dim=(2, 3))))
        attentions = None if weights is None else to_map(weights, height, width, self.config.sequence)
        return CrnnModelOutput(pooler_output=torch.cat(parts, dim=1), last_hidden_state=states, attentions=attentions)

    def _summarise(self, sequence: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """(N, T, D) to the states (N, T, 2H), their summary (N, 2H) and the attention (N, heads, T)."""
        if self.config.attention == "before":
            weights = self.attention.weights(sequence)
            # Scaled by T, uniform attention leaves the sequence as it is.
            sequence = sequence * (weights.mean(dim=1) * sequence.shape[1]).unsqueeze(2)
            states = self._recur(sequence, height, width)
            return states, states.mean(dim=1), weights
        states = self._recur(sequence, height, width)
        if self.config.attention == "none":
            return states, states.mean(dim=1), None
        summary, weights = self.attention(states)
        return states, summary, weights

    def _recur(self, sequence: Tensor, height: int, width: int) -> Tensor:
        """The recurrent network's outputs (N, T, 2H); of two readings, concatenated at each place, (N, T, 4H)."""
        if self.config.rnn_type == "none":
            return sequence
        states, _ = self.rnn(sequence)
        if self.config.sequence != "rows_and_columns":
            return states
        down, _ = self.rnn_columns(by_columns(sequence, height, width))
        return torch.cat((states, by_columns(down, width, height)), dim=2)


class CrnnForImageClassification(CrnnPreTrainedModel):
    """The trunk with one head a task."""

    may_be_new = ("heads.",)  # where the classes are others than the checkpoint's
    accepts_loss_kwargs = False  # to Trainer: the loss is the mean of a batch, whatever else `forward` is given

    def __init__(self, config: CrnnConfig) -> None:
        super().__init__(config)
        self.crnn = CrnnModel(config)
        self.heads = nn.ModuleDict(
            {
                task: make_head(
                    config.heads.get(task, "linear"), self.crnn.embedding_size, len(names), dropout=config.dropout
                )
                for task, names in config.tasks.items()
            }
        )
        self.companions = nn.ModuleList(map(CrnnForImageClassification, config.companion_configs()))
        size = 2 * stage_channels(config.backbone) if PAINTING in config.usual_distances else 0
        self.typical = TypicalPainting(size) if size else None
        self.post_init()

    def forward(
        self, pixel_values: Tensor, labels: Tensor | Mapping[str, Tensor] | None = None, **kwargs: Any
    ) -> CrnnClassifierOutput:
        """Classify paintings.

        Args:
            pixel_values: (N, 3, S, S), as the image processor gives them.
            labels: (N,) for the active task, or a dict of (N,) by task; -1 and -100 are unknown.
            kwargs: ignored; transformers' pipelines pass options of their own.
        """
        trunk = self.crnn(pixel_values)
        output = self.classify(trunk)
        if self.companions:
            self._average(output, [companion(pixel_values) for companion in self.companions])
        for task, temperature in self.config.temperature.items():
            output["task_logits"][task] = output["task_logits"][task] / temperature
        output.logits = output["task_logits"][self.config.task]
        output.distances = self._distances(trunk, output["task_logits"])
        if labels is not None:
            by_task = labels if isinstance(labels, Mapping) else {self.config.task: labels}
            losses = [masked_cross_entropy(output["task_logits"][task], y) for task, y in by_task.items()]
            output.loss = torch.stack(losses).mean()
        return output

    def _distances(self, trunk: CrnnModelOutput, logits: Mapping[str, Tensor]) -> ModelOutput | None:
        """The distances (N,) of which the usual ones are known."""
        far = {task: -logits[task].amax(dim=1) for task in self.config.usual_distances if task != PAINTING}
        if self.typical is not None and trunk.statistics is not None:
            far[PAINTING] = self.typical(trunk.statistics)
        return ModelOutput({name: far[name] for name in self.config.usual_distances}) if far else None

    def without_companions(self) -> "CrnnForImageClassification":
        """A copy of this network's trunk and heads, without companions and without what was fitted for all together.

        This network stays as it is, and shares no weights with the copy.
        """
        copied = {id(self.companions): nn.ModuleList()}  # deepcopy takes this for the companions' copy
        single = copy.deepcopy(self, copied)
        single.config.companions, single.config.temperature = [], {}
        single.config.set_thresholds, single.config.usual_distances = {}, {}
        single.typical = None  # its weights would be left over
        return single

    def _average(self, output: CrnnClassifierOutput, others: list[CrnnClassifierOutput]) -> None:
        """Average the logits over all networks, which is the geometric mean of their probabilities."""
        for task, logits in output["task_logits"].items():
            output["task_logits"][task] = torch.stack([logits, *(o["task_logits"][task] for o in others)]).mean(dim=0)

    def classify(self, trunk: CrnnModelOutput) -> CrnnClassifierOutput:
        """The heads' logits for the trunk's output: of this network only, without companions and temperature."""
        logits = {task: head(trunk.pooler_output) for task, head in self.heads.items()}
        return CrnnClassifierOutput(
            logits=logits[self.config.task],
            task_logits=ModelOutput(logits),  # transformers' pipelines can split it into samples, unlike a dict
            attentions=trunk.attentions,
            embeddings=trunk.pooler_output,
        )
