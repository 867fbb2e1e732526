"""Train a CRNN classifier of paintings.

    artextract prepare wikiart --root WIKIART --out data/wikiart --artists names --min-artist-works 60
    accelerate launch training/train_classifier.py --config training/configs/crnn_best.yaml --data data/wikiart

Two phases: what follows the backbone learns first, on a backbone that stands still; then everything learns, with a
warm-up, a cosine, and averaged weights, which are the ones evaluated and kept. Any key of `training/recipe.py` or
`training/classifier/config.py` can follow as `--key value`. The same command again resumes from the last checkpoint.
"""

import contextlib
import copy
import logging
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from datasets import Dataset
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data import class_names, labels_for, view_of
from artextract_hf.errors import DataError
from artextract_hf.evaluation import METRICS, Scores, classifier_table, keep_learnt, predict, score
from artextract_hf.hub import publish_model
from artextract_hf.models import ArtImageProcessor, CrnnForImageClassification, resolve
from training.checks.earlier_run import paintings_digest
from training.classifier.batch import Batch, MapBatch
from training.classifier.card import score_and_describe
from training.classifier.config import TrainConfig
from training.classifier.console import Clock, closing, draw_progress, opening
from training.classifier.kept_maps import KeptMaps, keep_maps
from training.classifier.model import build_model, save_model
from training.classifier.objective import Learner
from training.classifier.paintings import count_classes, load_splits
from training.classifier.teachers import Teachers
from training.frozen_norm import fold_frozen_norms
from training.loop import (
    EpochBatches,
    TrainingViews,
    balanced_weights,
    load_modules,
    load_optimizer,
    log_epoch,
    mix,
    normalise,
    open_epoch,
    precision,
    read_progress,
    save_checkpoint,
    update_average,
)
from training.optim import Factor, Rates, freeze_first, make_optimizer, make_schedule, set_rate
from training.processes import user_errors
from training.run import check_loss, log_scores, make_accelerator, mean_of_steps, only_run, open_output
from training.synced_norm import sync_norms

logger = logging.getLogger("train_classifier")


def main() -> None:
    """Parse, train, evaluate, write the card."""
    args, overrides = TrainConfig.parser(__doc__.splitlines()[0]).parse_known_args()
    with user_errors("train_classifier", resumes=True):
        train(TrainConfig.load(args.config, overrides))


@dataclass
class Run:
    """What both phases of a training work on."""

    config: TrainConfig
    accelerator: Accelerator
    learner: Learner
    average: CrnnForImageClassification
    views: TrainingViews
    learn: Dataset
    evaluate: Dataset | None
    teachers: Teachers | None
    out: Path
    digest: str  # of the paintings
    best: dict[str, float] = field(default_factory=lambda: {"macro_f1": -1.0, "epoch": 0})

    def save(self, optimizer: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
        """A checkpoint from which the same command goes on."""
        modules = {"learner": self.learner, "average": self.average}
        learnt = {"paintings": self.digest, "processes": self.accelerator.num_processes}
        save_checkpoint(self.out, modules, optimizer, progress | {"best": self.best} | learnt)


@dataclass
class Phase:
    """What learns in one phase, from what, and how fast; `parallel` is the learner as Accelerate wrapped it."""

    number: int  # 0: the backbone stands still; 1: everything learns
    epochs: int
    parallel: nn.Module
    optimizer: torch.optim.Optimizer
    samples: TrainingViews | KeptMaps
    batches: EpochBatches
    factor: Factor  # of the peak learning rates, by the step
    clock: Clock = field(default_factory=Clock)


def train(config: TrainConfig) -> None:
    """Both phases, from the last checkpoint where there is one, by the only run on this output folder."""
    with only_run(config):
        run_phases(set_up(config))


def run_phases(run: Run) -> None:
    """What is left of both phases, then the final evaluation."""
    config = run.config
    accelerator = run.accelerator
    final = 1 if config.epochs else 0
    reached = read_progress(run.out) or {"phase": 0, "epoch": 0, "step": 0, "best": run.best}
    if reached["step"] or reached["phase"]:
        load_modules(run.out, {"learner": run.learner, "average": run.average})
        run.best = reached["best"]
    for number in range(reached["phase"], 2):
        phase = start_phase(run, number)
        resumed = reached if number == reached["phase"] else {"epoch": 0, "step": 0}
        if resumed["step"]:
            load_optimizer(run.out, phase.optimizer)
        step = resumed["step"]
        for epoch in range(resumed["epoch"], phase.epochs):
            step, last = run_epoch(run, phase, epoch=epoch, step=step), epoch + 1 == phase.epochs
            if run.evaluate and number == final and (last or (epoch + 1) % config.eval_every == 0):
                keep_best(run, run.evaluate, epoch=epoch + 1)
                last = last or (config.patience > 0 and epoch + 1 - run.best["epoch"] >= config.patience)
            if accelerator.is_main_process:
                following = {"phase": number, "epoch": epoch + 1, "step": step}
                run.save(phase.optimizer, {"phase": number + 1, "epoch": 0, "step": 0} if last else following)
            accelerator.wait_for_everyone()
            if last:
                break
        accelerator.free_memory(phase.parallel, phase.optimizer)
    if accelerator.is_main_process:
        finish(run)
    accelerator.end_training()


def set_up(config: TrainConfig) -> Run:
    """Data, model, averaged model and losses, on the device, all from the configuration."""
    accelerator = make_accelerator(config)
    device = accelerator.device
    config, learn, evaluate = load_splits(config)
    model = build_model(config, learn)
    model.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    set_norms(config, model, device)
    tasks = model.config.tasks | {column: class_names(learn, column) for column in config.auxiliary}
    views = TrainingViews(learn, tasks, view_of(config.view), seed=config.seed)
    learner = Learner(model, config, count_classes(views, tasks)).to(device)
    teachers = Teachers(config.teachers, model.config.tasks, device=device) if config.teachers else None
    digest = paintings_digest(learn, [*config.tasks, *config.auxiliary])
    out = open_output(config, accelerator, digest)
    if accelerator.is_main_process:
        print(opening(config, model.config.tasks, learn, evaluate), flush=True)
    return Run(config, accelerator, learner, average, views, learn, evaluate, teachers, out, digest)


def set_norms(config: TrainConfig, model: CrnnForImageClassification, device: torch.device) -> None:
    """Freeze the backbone's batch norms, or let them learn, from all processes together where it is wanted.

    Raises:
        DataError: synchronised batch norms are wanted on a CPU.
    """
    if config.accumulate > 1 and not config.fold_norms:
        logger.warning("batch norms that learn see a piece of a batch at a time: the loss depends on `accumulate`.")
    if config.fold_norms:
        fold_frozen_norms(model.crnn.backbone)
    elif config.sync_norms:
        if device.type == "cpu":
            raise DataError("sync_norms needs GPUs; on CPUs leave fold_norms on, which freezes the batch norms.")
        sync_norms(model, device)


def start_phase(run: Run, number: int) -> Phase:
    """Choose what learns, make its optimiser, hand both to Accelerate, and lay out the batches and the schedule."""
    config, accelerator, crnn = run.config, run.accelerator, run.learner.model.crnn
    frozen, backbone = number == 0, crnn.backbone
    epochs = config.frozen_epochs if frozen else config.epochs
    (crnn if config.frozen == "trunk" else backbone).requires_grad_(not frozen)
    if not frozen:
        freeze_first(backbone, config.frozen_layers)
    peak = config.frozen_lr if frozen else config.lr
    rates = Rates(config.backbone_lr, peak, weight_decay=config.weight_decay, layer_decay=config.layer_decay)
    parallel, optimizer = accelerator.prepare(
        run.learner, make_optimizer(config.optimizer, backbone, run.learner, rates)
    )
    samples = keep_samples(run) if frozen and epochs and config.kept_views else run.views
    batches = EpochBatches(
        len(samples),
        config.batch_size,
        seed=config.seed + 1000 * number,
        rank=accelerator.process_index,
        world=accelerator.num_processes,
        weights=balanced_weights(run.views.labels[config.balanced_task]) if config.balanced_task else None,
    )
    factor = make_schedule(
        config.schedule,
        steps=epochs * batches.steps,
        warmup=round(config.warmup_epochs * batches.steps),
        final=config.final_lr,
        period=config.schedule_period,
        rate=config.schedule_rate,
    )
    return Phase(number, epochs, parallel, optimizer, samples, batches, factor)


def keep_samples(run: Run) -> KeptMaps:
    """The backbone's maps of some views of the paintings, computed once: while it stands still, they do not change."""
    run.views.size = run.config.size_at(0)
    crnn, file = run.learner.model.crnn, run.out / "maps.npy"
    return keep_maps(crnn, run.views, file, config=run.config, accelerator=run.accelerator)


def run_epoch(run: Run, phase: Phase, *, epoch: int, step: int) -> int:
    """One epoch from `step` on, with a checkpoint every so many steps; gives the step that follows.

    Raises:
        ArtExtractError: the loss is no number any more.
    """
    config, accelerator, batches = run.config, run.accelerator, phase.batches
    end = (epoch + 1) * batches.steps
    size = run.views.size = config.size_at(epoch if phase.number else 0)
    title = f"phase {phase.number + 1} epoch {epoch + 1}/{phase.epochs} at {size} px"
    bar = open_epoch(phase.samples, batches, epoch=epoch, step=step, workers=config.workers, title=title)
    phase.parallel.train()
    losses: list[float] = []
    started = time.perf_counter()
    for drawn in bar:
        seed = (config.seed, phase.number, step)
        torch.manual_seed(hash((*seed, accelerator.process_index)) % 2**63)  # dropout
        set_rate(phase.optimizer, phase.factor(step))
        losses.append(train_step(run, phase, make_batch(run, drawn, seed=seed)))
        step += 1
        update_average(run.average, run.learner.model, decay=config.ema_decay, step=step)
        bar.set_postfix(loss=f"{np.mean(losses[-20:]):.3f}")
        if accelerator.is_main_process:
            phase.clock.tick(phase.epochs * batches.steps - step)
        if accelerator.is_main_process and step % config.checkpoint_every == 0 and step < end:
            run.save(phase.optimizer, {"phase": phase.number, "epoch": epoch, "step": step})
    (loss,) = mean_of_steps(accelerator, losses)
    rate, seconds = phase.optimizer.param_groups[0]["lr"], time.perf_counter() - started
    if accelerator.is_main_process:
        row = {"phase": phase.number + 1, "epoch": epoch + 1, "step": step, "size": size, "loss": round(loss, 4)}
        log_epoch(run.out / "log.csv", row | {"lr": f"{rate:.2e}", "seconds": round(seconds, 1)})
    accelerator.log({f"loss/phase_{phase.number + 1}": loss}, step=step)
    check_loss(loss, epoch=epoch + 1)
    return step


def make_batch(run: Run, drawn: dict[str, Tensor], *, seed: tuple[int, ...]) -> Batch:
    """What was drawn, on the device: views, normalised and mixed, with the teachers' answers; or maps as they are."""
    config, accelerator = run.config, run.accelerator
    tensors = {name: tensor.to(accelerator.device) for name, tensor in drawn.items()}
    if "maps" in tensors:  # they are the student's own: no teacher can read them, and they are not mixed
        return MapBatch(tensors.pop("maps"), [(tensors, 1.0)])
    pixels, labels = normalise(tensors.pop("pixels")), tensors
    targets = [(labels, 1.0)]
    if config.mixup or config.cutmix:
        pixels, partner, share = mix(pixels, mixup=config.mixup, cutmix=config.cutmix, seed=seed)
        targets = [(labels, share), ({task: label[partner] for task, label in labels.items()}, 1 - share)]
    if run.teachers is None:
        return Batch(pixels, targets)
    with accelerator.autocast():
        return Batch(pixels, targets, run.teachers(pixels))


def train_step(run: Run, phase: Phase, batch: Batch) -> float:
    """One step on a batch, in as many pieces as `accumulate` says; the loss of this process's part."""
    config, accelerator = run.config, run.accelerator
    # Gradients of processes are averaged: divided by the mean weight of a process, the sum is that of the global batch.
    totals = accelerator.reduce(run.learner.totals(batch.labels), "mean")
    phase.optimizer.zero_grad()
    loss = 0.0
    for number in range(config.accumulate):
        last = number + 1 == config.accumulate
        with contextlib.nullcontext() if last else accelerator.no_sync(phase.parallel):
            part = phase.parallel(batch.piece(number, config.accumulate), totals)
            accelerator.backward(part)
        loss += part.item()
    accelerator.clip_grad_norm_(phase.parallel.parameters(), config.max_grad_norm)
    phase.optimizer.step()
    return loss


def keep_best(run: Run, paintings: Dataset, *, epoch: int) -> None:
    """Score the averaged weights, log the figures, and keep them as `best/` if their mean macro-F1 is the highest."""
    scores = score_average(run, paintings)
    macro_f1 = float(np.mean([s.macro_f1 for s in scores.values() if s.macro_f1 is not None]))
    is_best = macro_f1 > run.best["macro_f1"]
    if is_best:
        run.best = {"macro_f1": macro_f1, "epoch": epoch}
    if not run.accelerator.is_main_process:
        return
    figures = {f"{t}_{k}": v for t, s in scores.items() for k, v in asdict(s).items() if k in METRICS}
    for task, names in run.average.config.tasks.items():
        if len(names) <= 5:  # always right
            figures.pop(f"{task}_top5")
    log_scores(run.accelerator, run.out / "scores.csv", figures, epoch=epoch)
    if is_best:
        save_model(run.average, run.out / "best")


def score_average(run: Run, paintings: Dataset) -> dict[str, Scores]:
    """Figures of the averaged weights, in the precision of the training: quick, to choose the best epoch.

    Every process predicts its share of the rows, and every row is predicted once.
    """
    average, accelerator = run.average, run.accelerator
    side = average.config.image_size
    processor = ArtImageProcessor(size={"height": side, "width": side})
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision(run.config.mixed_precision))
    mine = np.arange(accelerator.process_index, len(paintings), accelerator.num_processes)
    with torch.autocast(average.device.type, dtype=low, enabled=low is not None):
        predicted = predict(average, processor, paintings.select(mine), batch_size=run.config.batch_size)
    parts = gather_object([(mine[predicted.rows], predicted.logits)])
    rows = np.concatenate([rows for rows, _ in parts])
    return {
        task: score(labels_for(paintings, task, names)[rows], np.concatenate([logits[task] for _, logits in parts]))
        for task, names in average.config.tasks.items()
    }


def finish(run: Run) -> None:
    """Keep the last model too; score the best one in float32, write its card from the figures, and push both."""
    config, out = run.config, run.out
    (out / "maps.npy").unlink(missing_ok=True)
    save_model(run.average, out / "last")
    for folder in filter(Path.is_dir, (out / "best", out / "last")):
        keep_learnt(folder, [run.learn], [resolve(config.start_from)] if config.start_from else [])
    if run.evaluate and (out / "best").is_dir():
        report = score_and_describe(
            out / "best",
            config,
            run.learn,
            run.evaluate,
            out / "evaluation",
            device=run.average.device,
            name=out.name,
        )
        draw_progress(out)
        print(classifier_table(report) + closing(out, config, run.best["epoch"]), flush=True)
    if config.push_to_hub:
        publish_model(out / "best" if (out / "best").is_dir() else out / "last", config.push_to_hub)


if __name__ == "__main__":
    main()
