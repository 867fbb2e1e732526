"""Train the self-supervised embedder of paintings: BYOL, from pictures alone.

    artextract prepare wikiart --root WIKIART --out data/wikiart
    accelerate launch training/train_byol.py --config training/configs/byol_paintings.yaml --data data/wikiart

Any key of `training/recipe.py` or `training/byol/config.py` can follow as `--key value`. The same command again resumes
from the last checkpoint, and ends with the weights of a run that was never stopped. A training whose representations
collapse into one point ends with an error; labels, where there are any, only watch it (`watch.csv`), they do not steer
it.
"""

import io
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from datasets import Dataset, DatasetDict
from timm.optim import create_optimizer_v2
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import byol_views, load_prepared, pair_sheet, read_manifest, take_split
from artextract_hf.embedders import AutoEmbedder
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.evaluation import (
    effective_rank,
    embedder_table,
    evaluate_embedder,
    knn_accuracy,
    represent,
    spread,
)
from artextract_hf.hub import embedder_card, provenance, publish_model, save_model_card
from artextract_hf.models import ArtImageProcessor, ByolConfig, ByolForPreTraining, load_imagenet, target_momentum
from artextract_hf.outputs import whole_files, write_whole
from training.byol.config import LARS, ByolTrainConfig
from training.byol.lars import Lars
from training.byol.view_pairs import ViewPairs
from training.checks.earlier_run import paintings_digest
from training.frozen_norm import fold_frozen_norms
from training.loop import (
    EpochBatches,
    load_modules,
    load_optimizer,
    log_epoch,
    normalise,
    open_epoch,
    read_progress,
    save_checkpoint,
)
from training.optim import set_rate, warmup_cosine
from training.processes import user_errors
from training.run import (
    check_loss,
    learnt_paintings,
    log_scores,
    make_accelerator,
    mean_of_steps,
    only_run,
    open_output,
)
from training.synced_norm import are_synced, sync_norms
from training.whitening import whitened

# Below these a representation has collapsed; an ImageNet MobileNetV2 has 0.77 and 223 on paintings at 64 px.
COLLAPSED_SPREAD, COLLAPSED_RANK = 0.05, 2.0
TASKS = ("style", "genre", "artist")
PREVIEWED = 8  # paintings


def main() -> None:
    """Parse and train."""
    args, overrides = ByolTrainConfig.parser(__doc__.splitlines()[0]).parse_known_args()
    with user_errors("train_byol", resumes=True):
        train(ByolTrainConfig.load(args.config, overrides))


@dataclass
class Run:
    """What the steps of a training work on; `parallel` is the model as Accelerate wrapped it."""

    config: ByolTrainConfig
    accelerator: Accelerator
    model: ByolForPreTraining
    parallel: nn.Module
    optimizer: torch.optim.Optimizer
    pairs: ViewPairs
    watched: tuple[Dataset, Dataset] | None  # gallery and queries
    out: Path
    digest: str  # of the paintings

    def save(self, progress: dict[str, Any]) -> None:
        """A checkpoint from which the same command goes on."""
        learnt = {"paintings": self.digest, "processes": self.accelerator.num_processes}
        save_checkpoint(self.out, {"model": self.model}, self.optimizer, progress | learnt)


def train(config: ByolTrainConfig) -> None:
    """All epochs, from the last checkpoint where there is one, by the only run on this output folder."""
    with only_run(config):
        run_epochs(set_up(config))


def run_epochs(run: Run) -> None:
    """The epochs that are left."""
    config = run.config
    accelerator = run.accelerator
    reached = read_progress(run.out) or {"epoch": 0, "step": 0}
    if reached["step"]:
        load_modules(run.out, {"model": run.model})
        load_optimizer(run.out, run.optimizer)
    elif run.watched and accelerator.is_main_process:
        watch(run, run.watched, epoch=0)  # what it starts from
    batches = EpochBatches(
        len(run.pairs),
        config.batch_size,
        seed=config.seed,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
    )
    step = reached["step"]
    for epoch in range(reached["epoch"], config.epochs):
        step, last = run_epoch(run, batches, epoch=epoch, step=step), epoch + 1 == config.epochs
        if accelerator.is_main_process:
            if run.watched and (last or (epoch + 1) % config.watch_every == 0):
                watch(run, run.watched, epoch=epoch + 1)
            run.save({"epoch": epoch + 1, "step": step})
        accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        finish(run)
    accelerator.end_training()


def set_up(config: ByolTrainConfig) -> Run:
    """Data, networks and optimiser, on the device, all from the configuration."""
    # Both views pass the same network in one step: buffers that DDP broadcasts between them would break the gradient.
    accelerator = make_accelerator(config, [DistributedDataParallelKwargs(broadcast_buffers=False)])
    model = build_model(config, accelerator)
    parallel, optimizer = accelerator.prepare(model, make_optimizer(config, model, accelerator.num_processes))
    splits = load_prepared(config.data)
    learn = learnt_paintings(splits, config, ["id", "image"])
    pairs = ViewPairs(learn, byol_views(**config.view), seed=config.seed)
    watched = watched_paintings(splits, config) if config.query_split else None
    digest = paintings_digest(learn)
    out = open_output(config, accelerator, digest)
    run = Run(config, accelerator, model, parallel, optimizer, pairs, watched, out, digest)
    if accelerator.is_main_process:
        draw_preview(run)
    return run


def watched_paintings(splits: DatasetDict, config: ByolTrainConfig) -> tuple[Dataset, Dataset]:
    """Labelled paintings, at most `watched` of each split: the gallery, and the queries."""
    parts = [take_split(splits, name).shuffle(seed=0) for name in (config.gallery_split, config.query_split)]
    gallery, queries = (part.select(range(min(config.watched, len(part)))) for part in parts)
    return gallery, queries


def build_model(config: ByolTrainConfig, accelerator: Accelerator) -> ByolForPreTraining:
    """The networks, with the backbone's start, ready for one process or many.

    Raises:
        DataError: several processes without synchronised batch norms.
    """
    model = ByolForPreTraining(ByolConfig(**config.model | {"whitened_size": 0}))  # whitened when it has learnt
    if config.pretrained:
        load_imagenet(model.byol.backbone, model.config.backbone, config.backbone_weights or None)
        model.reset_target()
    model.to(accelerator.device, memory_format=torch.channels_last).train()
    several = accelerator.num_processes > 1
    if several and config.sync_norms:  # before norms are frozen: it would wake those, and undo their folding
        model = sync_norms(model, accelerator.device)
    if config.frozen_norms:
        for backbone in (model.byol.backbone, model.target_encoder):
            fold_frozen_norms(backbone)
    if several and not are_synced(model.train()):
        raise DataError(
            f"{accelerator.num_processes} processes without sync_norms: each would normalise by its own few "
            "pictures, and BYOL's batch norms are part of its method. Leave sync_norms on."
        )
    return model


def make_optimizer(config: ByolTrainConfig, model: ByolForPreTraining, processes: int) -> torch.optim.Optimizer:
    """Matrices decay and adapt, vectors do neither; the backbone's rate has a factor of its own."""
    peak = config.base_lr * config.batch_size * processes / 256
    groups = []
    for part, factor in (
        (model.byol.backbone, config.backbone_lr),
        (nn.ModuleList([model.projector, model.predictor]), 1.0),
    ):
        for is_matrix in (True, False):
            weights = [w for w in part.parameters() if w.requires_grad and (w.ndim > 1) == is_matrix]
            decay = config.weight_decay if is_matrix else 0.0
            groups.append({"params": weights, "peak_lr": peak * factor, "lr": peak * factor, "weight_decay": decay})
            groups[-1] |= {"adapt": is_matrix} if config.optimizer == LARS else {}
    if config.optimizer == LARS:
        return Lars(groups, lr=peak)
    foreach = True if config.optimizer in ("adamw", "adam", "sgd") else None
    return create_optimizer_v2(groups, opt=config.optimizer, lr=peak, foreach=foreach)


def run_epoch(run: Run, batches: EpochBatches, *, epoch: int, step: int) -> int:
    """One epoch from `step` on, with a checkpoint every so many steps; gives the step that follows.

    Raises:
        ArtExtractError: the representations collapsed, or the loss is no number any more.
    """
    config, accelerator = run.config, run.accelerator
    end, steps = (epoch + 1) * batches.steps, config.epochs * batches.steps
    warmup = round(config.warmup_epochs * batches.steps)
    size = run.pairs.size = config.size_at(epoch)
    title = f"epoch {epoch + 1}/{config.epochs} at {size} px"
    bar = open_epoch(run.pairs, batches, epoch=epoch, step=step, workers=config.workers, title=title)
    run.parallel.train()
    losses: list[float] = []
    spreads: list[float] = []
    started = time.perf_counter()
    for views in bar:
        set_rate(run.optimizer, warmup_cosine(step, steps=steps, warmup=warmup, final=0.0))
        loss, projections = train_step(run, views)
        run.model.update_target(target_momentum(step, steps=steps, base=config.base_momentum))
        losses.append(loss)
        spreads.append(spread(projections.float().cpu().numpy()))
        step += 1
        bar.set_postfix(loss=f"{np.mean(losses[-50:]):.3f}", spread=f"{spreads[-1]:.2f}")
        if accelerator.is_main_process and step % config.checkpoint_every == 0 and step < end:
            run.save({"epoch": epoch, "step": step})
    loss, mean_spread = mean_of_steps(accelerator, losses, spreads)
    rate, seconds = run.optimizer.param_groups[-1]["lr"], time.perf_counter() - started
    if accelerator.is_main_process:
        row = {"epoch": epoch + 1, "step": step, "size": size, "loss": round(loss, 4), "spread": round(mean_spread, 4)}
        log_epoch(run.out / "log.csv", row | {"lr": f"{rate:.2e}", "seconds": round(seconds, 1)})
    accelerator.log({"loss": loss, "spread": mean_spread}, step=step)
    check_loss(loss, epoch=epoch + 1)
    if mean_spread < COLLAPSED_SPREAD:
        raise collapse(epoch + 1, f"the projections of a batch spread over {mean_spread:.3f} of what they could")
    return step


def train_step(run: Run, views: list[Tensor]) -> tuple[float, Tensor]:
    """One step on two batches of views, uint8 (N, size, size, 3); the loss and the projections."""
    first, second = (normalise(view.to(run.accelerator.device).permute(0, 3, 1, 2)) for view in views)
    run.optimizer.zero_grad()
    output = run.parallel(first, second)
    run.accelerator.backward(output.loss)
    run.optimizer.step()
    return output.loss.item(), output.projections


def watch(run: Run, watched: tuple[Dataset, Dataset], *, epoch: int) -> None:
    """Spread, rank and kNN accuracy of the representation of labelled paintings, into `watch.csv`.

    Raises:
        ArtExtractError: the representation collapsed.
    """
    encoder, side = run.model.byol.eval(), run.config.size_at(run.config.epochs)
    processor = ArtImageProcessor(size={"height": side, "width": side})
    (gallery, gallery_rows, _), (queries, query_rows, _) = (represent(encoder, processor, part) for part in watched)
    run.model.train()
    scatter, rank = spread(gallery), effective_rank(gallery)
    figures: dict[str, float | None] = {"spread": scatter, "rank": rank}
    for task in TASKS:
        known, asked = (np.array(part[task])[r] for part, r in zip(watched, (gallery_rows, query_rows), strict=True))
        figures[f"knn_{task}"] = knn_accuracy(gallery, known, queries, asked)
    log_scores(run.accelerator, run.out / "watch.csv", figures, epoch=epoch)
    if scatter < COLLAPSED_SPREAD or rank < COLLAPSED_RANK:
        raise collapse(
            epoch, f"the representation's spread is {round(scatter, 4)}, its effective rank {round(rank, 4)}"
        )


def collapse(epoch: int, found: str) -> ArtExtractError:
    """The alarm."""
    return ArtExtractError(
        f"collapsed in epoch {epoch}: {found}. Lower the learning rate, or raise base_momentum or the batch size."
    )


def draw_preview(run: Run) -> None:
    """Pairs of views of some paintings, to look at before the training is trusted."""
    rows = np.random.default_rng(run.config.seed).choice(len(run.pairs), min(PREVIEWED, len(run.pairs)), replace=False)
    run.pairs.size = run.config.size_at(run.config.epochs)
    sheet = io.BytesIO()
    pair_sheet([run.pairs[int(row)] for row in rows]).save(sheet, "PNG")
    write_whole(run.out / "views.png", sheet.getvalue())


def finish(run: Run) -> None:
    """Keep the encoder, whitened, with its preprocessing: what the search loads; score it, write its card, push it."""
    folder, encoder = run.out / "last", run.model.byol
    side = run.model.config.image_size
    if size := run.config.model.get("whitened_size", 0):
        encoder = whitened(encoder, run.pairs.paintings, size=size)
    with whole_files(folder) as new:
        encoder.save_pretrained(new)
        ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(new)
    if run.watched:
        embedder, name = AutoEmbedder.from_pretrained(str(folder)), run.config.push_to_hub or run.out.name
        report = evaluate_embedder(embedder, *run.watched, run.out / "evaluation", name=name)
        print(embedder_table(report), flush=True)
        learnt = {"learnt_from": provenance(read_manifest(run.config.data), run.pairs.paintings)}
        card = embedder_card(report, config=asdict(run.config) | learnt, backbone=run.model.config.backbone, name=name)
        save_model_card(card, report, folder)
    if run.config.push_to_hub:
        publish_model(folder, run.config.push_to_hub)


if __name__ == "__main__":
    main()
