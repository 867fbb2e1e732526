"""Train a CRNN classifier of paintings.

    artextract prepare wikiart --root WIKIART --out data/wikiart --artists names --min-artist-works 60
    accelerate launch training/train_classifier.py --config training/configs/crnn_best.yaml --data data/wikiart

Two phases: what follows the backbone learns first, on a backbone that stands still; then everything learns, with a
warm-up, a cosine, and averaged weights, which are the ones evaluated and kept. Any key of `training/classifier/config.py` can
follow as `--key value`. The same command again resumes from the last checkpoint.
"""

import argparse
import contextlib
import copy
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from datasets import ClassLabel, Dataset, Value, concatenate_datasets
from torch import Tensor, nn
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data.labels import UNKNOWN
from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import class_names, labels_for
from artextract_hf.data.views.training_view import view_of
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.evaluation.classification import Scores, score
from artextract_hf.evaluation.predict import predict
from artextract_hf.evaluation.report import METRICS, as_text, evaluate_classifier
from artextract_hf.hub.card import classifier_card, save_model_card
from artextract_hf.hub.model_repo import publish_model
from artextract_hf.models import ArtImageProcessor, CrnnConfig, CrnnForImageClassification, load_classifier
from artextract_hf.models.backbones import load_imagenet
from training.classifier.config import TrainConfig
from training.classifier.kept_maps import KeptMaps, keep_maps
from training.classifier.objective import Learner
from training.classifier.teachers import Teachers
from training.frozen_norm import fold_frozen_norms
from training.loop import (
    EpochBatches,
    TrainingViews,
    append_csv,
    balanced_weights,
    load_modules,
    load_optimizer,
    mix,
    normalise,
    precision,
    read_progress,
    save_checkpoint,
    training_loader,
    update_average,
)
from training.optim import freeze_first, make_optimizer, make_schedule
from training.synced_norm import sync_norms

LEAST_WORKS = 4  # of a value of an auxiliary column, to be a class


def main() -> None:
    """Parse, train, evaluate, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="YAML file, see training/configs/")
    args, overrides = parser.parse_known_args()
    try:
        train(TrainConfig.load(args.config, overrides))
    except ArtExtractError as error:
        sys.exit(f"train_classifier: {error}")


@dataclass
class Run:
    """What the steps of a training work on; `parallel` is the learner as Accelerate wrapped it."""

    config: TrainConfig
    accelerator: Accelerator
    learner: Learner
    average: CrnnForImageClassification
    views: TrainingViews
    out: Path
    teachers: Teachers | None = None
    parallel: nn.Module | None = None
    optimizer: torch.optim.Optimizer | None = None
    best: dict[str, float] = field(default_factory=lambda: {"macro_f1": -1.0})

    def save(self, progress: dict[str, Any]) -> None:
        """A checkpoint from which the same command goes on."""
        modules = {"learner": self.learner, "average": self.average}
        save_checkpoint(self.out, modules, self.optimizer, progress | {"best": self.best})


def train(config: TrainConfig) -> None:
    """Both phases, from the last checkpoint where there is one, then the final evaluation."""
    run, evaluate = set_up(config)
    accelerator = run.accelerator
    reached = read_progress(run.out) or {"phase": 0, "epoch": 0, "step": 0, "best": run.best}
    if reached["step"] or reached["phase"]:
        load_modules(run.out, {"learner": run.learner, "average": run.average})
        run.best = reached["best"]
    for phase in range(reached["phase"], 2):
        frozen = phase == 0
        epochs = config.frozen_epochs if frozen else config.epochs
        start_phase(run, frozen=frozen)
        resumed = reached if phase == reached["phase"] else {"epoch": 0, "step": 0}
        if resumed["step"]:
            load_optimizer(run.out, run.optimizer)
        samples = keep_samples(run, frozen=frozen and epochs > 0)
        batches = EpochBatches(
            len(samples),
            config.batch_size,
            seed=config.seed + 1000 * phase,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
            weights=balanced_weights(run.views.labels[config.balanced_task]) if config.balanced_task else None,
        )
        step = resumed["step"]
        for epoch in range(resumed["epoch"], epochs):
            run_epoch(run, samples, batches, phase=phase, epoch=epoch, step=step)
            step, last = (epoch + 1) * batches.steps, epoch + 1 == epochs
            if evaluate and not frozen and (last or (epoch + 1) % config.eval_every == 0):
                keep_best(run, evaluate, epoch=epoch + 1)
            if accelerator.is_main_process:
                following = {"phase": phase, "epoch": epoch + 1, "step": step}
                run.save({"phase": phase + 1, "epoch": 0, "step": 0} if last else following)
            accelerator.wait_for_everyone()
        accelerator.free_memory(run.parallel, run.optimizer)
    if accelerator.is_main_process:
        finish(run, evaluate)
    accelerator.end_training()


def set_up(config: TrainConfig) -> tuple[Run, Dataset | None]:
    """Data, model, averaged model and losses, on the device, all from the configuration."""
    accelerator = Accelerator(
        mixed_precision=precision(config.mixed_precision),
        log_with=list(config.trackers) or None,
        project_dir=config.output_dir,
    )
    set_seed(config.seed)
    if accelerator.device.type == "cpu":  # `accelerate launch` leaves a process one thread only
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // accelerator.num_processes))
    learn, evaluate = load_splits(config)
    model = build_model(config, learn)
    model.to(accelerator.device, memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    if config.fold_norms:
        fold_frozen_norms(model.crnn.backbone)
    elif config.sync_norms:
        if accelerator.device.type == "cpu":
            raise DataError("sync_norms needs GPUs; on CPUs leave fold_norms on, which freezes the batch norms.")
        sync_norms(model, accelerator.device)
    tasks = model.config.tasks | {column: class_names(learn, column) for column in config.auxiliary}
    views = TrainingViews(learn, tasks, view_of(config.view), seed=config.seed)
    learner = Learner(model, config, count_classes(views, tasks))
    run = Run(config, accelerator, learner.to(accelerator.device), average, views, Path(config.output_dir))
    if config.teachers:
        run.teachers = Teachers(config.teachers, model.config.tasks, device=accelerator.device)
    if accelerator.is_main_process:
        run.out.mkdir(parents=True, exist_ok=True)
        (run.out / "config.json").write_text(json.dumps(asdict(config), indent=2), encoding="utf-8")
    if config.trackers:
        accelerator.init_trackers("artextract")
    accelerator.wait_for_everyone()
    return run, evaluate


def start_phase(run: Run, *, frozen: bool) -> None:
    """Choose what learns, make its optimiser, and hand both to Accelerate."""
    config, model = run.config, run.learner.model
    model.crnn.backbone.requires_grad_(not frozen)
    if not frozen:
        freeze_first(model.crnn.backbone, config.frozen_layers)
    optimizer = make_optimizer(
        config.optimizer,
        model.crnn.backbone,
        run.learner,
        backbone_lr=config.backbone_lr,
        lr=config.frozen_lr if frozen else config.lr,
        weight_decay=config.weight_decay,
        layer_decay=config.layer_decay,
    )
    run.parallel, run.optimizer = run.accelerator.prepare(run.learner, optimizer)


def keep_samples(run: Run, *, frozen: bool) -> TrainingViews | KeptMaps:
    """What an epoch reads: views of the paintings, or, while the backbone stands still, its maps computed once."""
    config = run.config
    if not (frozen and config.kept_views):
        return run.views
    run.views.size = config.size_at(0)
    return keep_maps(
        run.learner.model.crnn,
        run.views,
        run.out / "maps.npy",
        views=config.kept_views,
        accelerator=run.accelerator,
        batch_size=config.batch_size,
        workers=config.workers,
    )


def run_epoch(
    run: Run, samples: TrainingViews | KeptMaps, batches: EpochBatches, *, phase: int, epoch: int, step: int
) -> None:
    """One epoch from `step` on, with a checkpoint every so many steps."""
    config, accelerator = run.config, run.accelerator
    frozen = phase == 0
    epochs = config.frozen_epochs if frozen else config.epochs
    samples.epoch = batches.epoch = epoch
    run.views.size = config.size_at(0 if frozen else epoch)
    batches.first = step - epoch * batches.steps
    factor = make_schedule(
        config.schedule,
        steps=epochs * batches.steps,
        warmup=round(config.warmup_epochs * batches.steps),
        final=config.final_lr,
        period=config.schedule_period,
        rate=config.schedule_rate,
        every=1,
    )
    run.parallel.train()
    loader = training_loader(samples, batches, workers=config.workers)
    bar = tqdm(loader, desc=f"phase {phase + 1} epoch {epoch + 1}/{epochs} at {run.views.size} px", disable=None)
    losses: list[float] = []
    started = time.perf_counter()
    for batch in bar:
        torch.manual_seed(hash((config.seed, phase, step, accelerator.process_index)) % 2**63)  # dropout
        for group in run.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor(step)
        losses.append(train_step(run, batch, are_maps=isinstance(samples, KeptMaps), seed=(config.seed, phase, step)))
        step += 1
        update_average(run.average, run.learner.model, decay=config.ema_decay, step=step)
        bar.set_postfix(loss=f"{np.mean(losses[-20:]):.3f}")
        if accelerator.is_main_process and step % config.checkpoint_every == 0 and step < (epoch + 1) * batches.steps:
            run.save({"phase": phase, "epoch": epoch, "step": step})
    mean = accelerator.reduce(torch.tensor(np.mean(losses), dtype=torch.float32, device=accelerator.device), "mean")
    if not torch.isfinite(mean):
        raise ArtExtractError(f"the loss is no number any more in epoch {epoch + 1}; lower the learning rate.")
    if accelerator.is_main_process:
        row = {
            "phase": phase + 1,
            "epoch": epoch + 1,
            "step": step,
            "size": run.views.size,
            "loss": round(mean.item(), 4),
        }
        rate, seconds = run.optimizer.param_groups[0]["lr"], time.perf_counter() - started
        append_csv(run.out / "log.csv", row | {"lr": f"{rate:.2e}", "seconds": round(seconds, 1)})
    accelerator.log({f"loss/phase_{phase + 1}": mean.item()}, step=step)


def train_step(run: Run, batch: dict[str, Tensor], *, are_maps: bool, seed: tuple[int, ...]) -> float:
    """One step on a batch, in as many pieces as `accumulate` says; the loss of this process's part."""
    config, accelerator, learner = run.config, run.accelerator, run.learner
    pixels = batch.pop("pixels").to(accelerator.device)
    labels = {task: label.to(accelerator.device) for task, label in batch.items()}
    targets = [(labels, 1.0)]
    if not are_maps:
        pixels = normalise(pixels)
        if config.mixup or config.cutmix:
            pixels, partner, share = mix(pixels, mixup=config.mixup, cutmix=config.cutmix, seed=seed)
            targets = [(labels, share), ({task: label[partner] for task, label in labels.items()}, 1 - share)]
    answers: dict[str, Tensor] = {}
    if run.teachers and not are_maps:  # kept maps are the student's own: no teacher can read them
        with accelerator.autocast():
            answers = run.teachers(pixels)
    # Gradients of processes are averaged: divided by the mean weight of a process, the sum is that of the global batch.
    totals = accelerator.reduce(learner.totals(labels), "mean")
    run.optimizer.zero_grad()
    loss = 0.0
    for piece in range(config.accumulate):
        part = slice(piece * len(pixels) // config.accumulate, (piece + 1) * len(pixels) // config.accumulate)
        targets_here = [({task: label[part] for task, label in y.items()}, share) for y, share in targets]
        answers_here = {task: answer[part] for task, answer in answers.items()}
        last = piece + 1 == config.accumulate
        with contextlib.nullcontext() if last else accelerator.no_sync(run.parallel):
            value = run.parallel(pixels[part], targets_here, totals, answers=answers_here, are_maps=are_maps)
            accelerator.backward(value)
        loss += value.item()
    accelerator.clip_grad_norm_(run.parallel.parameters(), config.max_grad_norm)
    run.optimizer.step()
    return loss


def load_splits(config: TrainConfig) -> tuple[Dataset, Dataset | None]:
    """The paintings to learn from and those to evaluate on."""
    splits = load_prepared(config.data)
    learn = concatenate_datasets([take_split(splits, name) for name in config.train_splits])
    if config.max_samples:
        learn = learn.shuffle(seed=config.seed).select(range(min(config.max_samples, len(learn))))
    for column in config.auxiliary:
        learn = as_classes(learn, column)
    return learn, take_split(splits, config.eval_split) if config.eval_split else None


def as_classes(paintings: Dataset, column: str) -> Dataset:
    """A column of text as class labels; a value on fewer than LEAST_WORKS paintings, or none, is unknown.

    Raises:
        DataError: there is no such column of text, or no value stands in it often enough.
    """
    texts = [name for name, feature in paintings.features.items() if feature == Value("string")]
    if column not in texts:
        raise DataError(f"the paintings have no column of text {column!r}; there are {', '.join(texts)}.")
    counts = Counter(paintings[column])
    names = sorted(value for value, count in counts.items() if value and count >= LEAST_WORKS)
    if not names:
        raise DataError(f"no value of {column!r} is on {LEAST_WORKS} paintings; there is nothing to learn from it.")
    positions = {name: position for position, name in enumerate(names)}
    labels = [positions.get(value, UNKNOWN) for value in paintings[column]]
    return paintings.remove_columns(column).add_column(column, labels, feature=ClassLabel(names=names))


def build_model(config: TrainConfig, paintings: Dataset) -> CrnnForImageClassification:
    """A CRNN with the backbone's pretrained weights and a head a task, for the classes that occur in the data."""
    tasks = {}
    for task in config.tasks:
        names = class_names(paintings, task)
        tasks[task] = [names[label] for label in sorted(set(paintings[task])) if label >= 0]
    if config.start_from:
        model = load_classifier(config.start_from)[0]
        if model.config.tasks != tasks:
            raise DataError(f"{config.start_from} was trained on other classes than {config.data} holds.")
        return model.alone()
    model = CrnnForImageClassification(CrnnConfig(tasks=tasks, **config.model))
    load_imagenet(model.crnn.backbone, model.config.backbone, config.backbone_weights or None)
    return model


def count_classes(views: TrainingViews, tasks: dict[str, list[str]]) -> dict[str, Tensor]:
    """int64 (classes,) by task: how many paintings of each class there are to learn from."""
    return {
        task: torch.bincount(torch.from_numpy(labels[labels >= 0]), minlength=len(tasks[task]))
        for task, labels in views.labels.items()
    }


def keep_best(run: Run, evaluate: Dataset, *, epoch: int) -> None:
    """Score the averaged weights, log the figures, and keep them as `best/` if their mean macro-F1 is the highest."""
    scores = score_average(run, evaluate)
    if not run.accelerator.is_main_process:
        return
    figures = {f"{t}_{k}": v for t, s in scores.items() for k, v in asdict(s).items() if k in METRICS}
    row = {"epoch": epoch} | {k: "" if v is None else round(v, 4) for k, v in figures.items()}
    append_csv(run.out / "scores.csv", row)
    run.accelerator.log({name: value for name, value in figures.items() if value is not None}, step=epoch)
    print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    macro_f1 = float(np.mean([s.macro_f1 for s in scores.values() if s.macro_f1 is not None]))
    if macro_f1 > run.best["macro_f1"]:
        save_model(run.average, run.out / "best")
        run.best = {"macro_f1": macro_f1, "epoch": epoch}


def save_model(model: CrnnForImageClassification, folder: Path) -> None:
    """Weights, configuration and preprocessing in one folder."""
    model.save_pretrained(folder)
    side = model.config.image_size
    ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)


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


def finish(run: Run, evaluate: Dataset | None) -> None:
    """Keep the last model too; score the best one in float32, write its card from the figures, and push both."""
    config, out = run.config, run.out
    (out / "maps.npy").unlink(missing_ok=True)
    save_model(run.average, out / "last")
    if evaluate and (out / "best").is_dir():
        model, processor = load_classifier(str(out / "best"))
        report = evaluate_classifier(
            model.to(run.average.device),
            processor,
            evaluate,
            out / "evaluation",
            name=out.name,
            split=config.eval_split,
            train=load_splits(config)[0],
            baseline_weights=(config.backbone_weights or None) if config.frozen_baseline else None,
        )
        card = classifier_card(report, config=asdict(config), tasks=model.config.tasks, name=out.name)
        save_model_card(card, report, out / "best")
        print(as_text(report), flush=True)
    if config.push_to_hub:
        publish_model(out / "best" if (out / "best").is_dir() else out / "last", config.push_to_hub)


if __name__ == "__main__":
    main()
