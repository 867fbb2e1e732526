"""Train a CRNN classifier of paintings.

    artextract prepare wikiart --root WIKIART --out data/wikiart --artists names --min-artist-works 60
    accelerate launch training/train_classifier.py --config training/configs/crnn_default.yaml --data data/wikiart

Two phases: what follows the backbone learns first, on a backbone that stands still; then everything learns, with a
warm-up, a cosine, and averaged weights, which are the ones evaluated and kept. Any key of `training/config.py` can
follow as `--key value`. The same command again resumes from the last checkpoint.
"""

import argparse
import copy
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import Dataset, concatenate_datasets
from torch import Tensor, nn
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parent.parent))

from artextract_hf.data.prepared import load_prepared, take_split
from artextract_hf.data.schema import class_names, labels_for
from artextract_hf.data.transforms import view_of
from artextract_hf.errors import ArtExtractError, DataError
from artextract_hf.evaluation.classification import Scores, score
from artextract_hf.evaluation.predict import predict
from artextract_hf.evaluation.report import METRICS, as_text, evaluate_classifier
from artextract_hf.hub.card import classifier_card
from artextract_hf.models import ArtImageProcessor, CrnnConfig, CrnnForImageClassification, load_classifier
from artextract_hf.models.backbones import imagenet_state
from artextract_hf.models.frozen_norm import fold_frozen_norms
from artextract_hf.models.losses import class_weights, masked_cross_entropy
from training.config import TrainConfig
from training.loop import (
    EpochBatches,
    TrainingViews,
    append_csv,
    load_modules,
    load_optimizer,
    mix,
    read_progress,
    save_checkpoint,
    training_loader,
    update_average,
    warmup_cosine,
)


def main() -> None:
    """Parse, train, evaluate, write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="YAML file, see training/configs/")
    args, overrides = parser.parse_known_args()
    try:
        train(TrainConfig.load(args.config, overrides))
    except ArtExtractError as error:
        sys.exit(f"train_classifier: {error}")


def train(config: TrainConfig) -> None:
    """Both phases, from the last checkpoint where there is one, then the final evaluation."""
    accelerator = Accelerator(mixed_precision=precision(config.mixed_precision))
    set_seed(config.seed)
    if accelerator.device.type == "cpu":  # `accelerate launch` leaves a process one thread only
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // accelerator.num_processes))
    out = Path(config.output_dir)
    learn, evaluate = load_splits(config)
    model = build_model(config, learn)
    average = copy.deepcopy(model).eval().to(accelerator.device, memory_format=torch.channels_last)
    model.to(memory_format=torch.channels_last)
    if config.fold_norms:
        fold_frozen_norms(model.crnn.backbone)
    views = TrainingViews(learn, model.config.tasks, view_of(config.view), seed=config.seed)
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(json.dumps(asdict(config), indent=2), encoding="utf-8")

    best = {"macro_f1": -1.0}
    reached = read_progress(out) or {"phase": 0, "epoch": 0, "step": 0, "best": best}
    if reached["step"] or reached["phase"]:
        load_modules(out, {"model": model, "average": average})
        best = reached["best"]
    for phase in range(reached["phase"], 2):
        frozen = phase == 0
        model.crnn.backbone.requires_grad_(not frozen)
        optimizer = make_optimizer(config, model, frozen=frozen)
        resumed = reached if phase == reached["phase"] else {"epoch": 0, "step": 0}
        if resumed["step"]:
            load_optimizer(out, optimizer)
        parallel, optimizer = accelerator.prepare(model, optimizer)
        batches = EpochBatches(
            len(views),
            config.batch_size,
            seed=config.seed + 1000 * phase,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
        )
        epochs = config.frozen_epochs if frozen else config.epochs
        for epoch in range(resumed["epoch"], epochs):
            progress = {"phase": phase, "epoch": epoch, "step": resumed["step"], "best": best}
            run_epoch(config, accelerator, parallel, optimizer, average, views, batches, progress)
            resumed = {"step": (epoch + 1) * batches.steps}
            last = epoch + 1 == epochs
            if accelerator.is_main_process:
                if evaluate and not frozen and (last or (epoch + 1) % config.eval_every == 0):
                    best = keep_best(config, average, evaluate, out, epoch=epoch + 1, best=best)
                following = (
                    {"phase": phase + 1, "epoch": 0, "step": 0} if last else {"phase": phase, "epoch": epoch + 1}
                )
                modules = {"model": accelerator.unwrap_model(parallel), "average": average}
                save_checkpoint(out, modules, optimizer, progress | {"step": resumed["step"], "best": best} | following)
            accelerator.wait_for_everyone()
        accelerator.free_memory(parallel, optimizer)
    if accelerator.is_main_process:
        finish(config, average, learn, evaluate, out)
    accelerator.end_training()


def run_epoch(
    config: TrainConfig,
    accelerator: Accelerator,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: CrnnForImageClassification,
    views: TrainingViews,
    batches: EpochBatches,
    progress: dict,
) -> None:
    """One epoch from `progress["step"]` on, with a checkpoint every so many steps."""
    phase, epoch, step = progress["phase"], progress["epoch"], progress["step"]
    frozen = phase == 0
    epochs = config.frozen_epochs if frozen else config.epochs
    views.epoch = batches.epoch = epoch
    views.size = config.size_at(0 if frozen else epoch)
    batches.first = step - epoch * batches.steps
    weights = class_weights_of(views, average.config.tasks, config.class_weight_power, accelerator.device)
    model.train()
    loader = training_loader(views, batches, workers=config.workers)
    bar = tqdm(loader, desc=f"phase {phase + 1} epoch {epoch + 1}/{epochs} at {views.size} px", disable=None)
    losses: list[float] = []
    started = time.perf_counter()
    for batch in bar:
        torch.manual_seed(hash((config.seed, phase, step, accelerator.process_index)) % 2**63)  # dropout
        factor = warmup_cosine(
            step,
            steps=epochs * batches.steps,
            warmup=round(config.warmup_epochs * batches.steps),
            final=config.final_lr,
        )
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        pixels = normalise(batch.pop("pixels").to(accelerator.device))
        labels = {task: label.to(accelerator.device) for task, label in batch.items()}
        targets = [(labels, 1.0)]
        if config.mixup:
            pixels, partner, share = mix(pixels, alpha=config.mixup, seed=(config.seed, phase, step))
            targets = [(labels, share), ({task: label[partner] for task, label in labels.items()}, 1 - share)]
        logits = model(pixels).task_logits
        loss = sum(
            share
            * masked_cross_entropy(logits[t], y[t], class_weights=weights[t], label_smoothing=config.label_smoothing)
            for y, share in targets
            for t in y
        ) / len(labels)
        optimizer.zero_grad()
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        step += 1
        raw = accelerator.unwrap_model(model)
        update_average(average, raw, decay=config.ema_decay, step=step)
        losses.append(loss.item())
        bar.set_postfix(loss=f"{np.mean(losses[-20:]):.3f}")
        if accelerator.is_main_process and step % config.checkpoint_every == 0 and step < (epoch + 1) * batches.steps:
            save_checkpoint(
                Path(config.output_dir), {"model": raw, "average": average}, optimizer, progress | {"step": step}
            )
    if not np.isfinite(losses).all():
        raise ArtExtractError(f"the loss is no number any more in epoch {epoch + 1}; lower the learning rate.")
    if accelerator.is_main_process:
        rate = optimizer.param_groups[0]["lr"]
        seconds = time.perf_counter() - started
        row = {
            "phase": phase + 1,
            "epoch": epoch + 1,
            "step": step,
            "size": views.size,
            "loss": round(np.mean(losses), 4),
        }
        append_csv(Path(config.output_dir) / "log.csv", row | {"lr": f"{rate:.2e}", "seconds": round(seconds, 1)})


def precision(wanted: str) -> str:
    """`auto` is bf16 where the processor computes in it, else float32."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "no"


def load_splits(config: TrainConfig) -> tuple[Dataset, Dataset | None]:
    """The paintings to learn from and those to evaluate on."""
    splits = load_prepared(config.data)
    learn = concatenate_datasets([take_split(splits, name) for name in config.train_splits])
    if config.max_samples:
        learn = learn.shuffle(seed=config.seed).select(range(min(config.max_samples, len(learn))))
    return learn, take_split(splits, config.eval_split) if config.eval_split else None


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
        return model
    model = CrnnForImageClassification(CrnnConfig(tasks=tasks, **config.model))
    model.crnn.backbone.load_state_dict(imagenet_state(model.config.backbone, config.backbone_weights or None))
    return model


def class_weights_of(
    views: TrainingViews, tasks: dict[str, list[str]], power: float, device: torch.device
) -> dict[str, Tensor]:
    """The weight of each class of each task, from its count in the training split."""
    counts = {
        task: torch.bincount(torch.from_numpy(labels[labels >= 0]), minlength=len(tasks[task]))
        for task, labels in views.labels.items()
    }
    return {task: class_weights(count, power).to(device) for task, count in counts.items()}


def make_optimizer(config: TrainConfig, model: CrnnForImageClassification, *, frozen: bool) -> torch.optim.AdamW:
    """AdamW with a rate for the backbone and one for the rest; vectors (norms, biases) do not decay."""
    groups = []
    for of_backbone in (False, True):
        if of_backbone and frozen:
            continue
        peak = config.frozen_lr if frozen else config.backbone_lr if of_backbone else config.lr
        for is_matrix in (True, False):
            chosen = [
                p
                for name, p in model.named_parameters()
                if name.startswith("crnn.backbone.") == of_backbone and (p.ndim > 1) == is_matrix
            ]
            decay = config.weight_decay if is_matrix else 0.0
            groups.append({"params": chosen, "peak_lr": peak, "lr": peak, "weight_decay": decay})
    return torch.optim.AdamW(groups, foreach=True)


def normalise(pixels: Tensor) -> Tensor:
    """uint8 (N, 3, S, S) as the image processor gives it."""
    mean, std = (
        torch.tensor(v, device=pixels.device)[:, None, None]
        for v in (ArtImageProcessor.image_mean, ArtImageProcessor.image_std)
    )
    return ((pixels / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def keep_best(
    config: TrainConfig, average: CrnnForImageClassification, evaluate: Dataset, out: Path, *, epoch: int, best: dict
) -> dict:
    """Score the averaged weights, log the figures, and keep them as `best/` if their mean macro-F1 is the highest."""
    scores = score_average(average, evaluate, config)
    figures = {f"{t}_{k}": v for t, s in scores.items() for k, v in asdict(s).items() if k in METRICS}
    row = {"epoch": epoch} | {k: "" if v is None else round(v, 4) for k, v in figures.items()}
    append_csv(out / "scores.csv", row)
    print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    macro_f1 = float(np.mean([s.macro_f1 for s in scores.values() if s.macro_f1 is not None]))
    if macro_f1 <= best["macro_f1"]:
        return best
    save_model(average, out / "best")
    return {"macro_f1": macro_f1, "epoch": epoch}


def save_model(model: CrnnForImageClassification, folder: Path) -> None:
    """Weights, configuration and preprocessing in one folder."""
    model.save_pretrained(folder)
    side = model.config.image_size
    ArtImageProcessor(size={"height": side, "width": side}).save_pretrained(folder)


def score_average(average: CrnnForImageClassification, paintings: Dataset, config: TrainConfig) -> dict[str, Scores]:
    """Figures of the averaged weights, in the precision of the training: quick, to choose the best epoch."""
    side = average.config.image_size
    processor = ArtImageProcessor(size={"height": side, "width": side})
    low = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision(config.mixed_precision))
    with torch.autocast(average.device.type, dtype=low, enabled=low is not None):
        predictions = predict(average, processor, paintings, batch_size=config.batch_size)
    return {
        task: score(labels_for(paintings, task, names)[predictions.rows], predictions.logits[task])
        for task, names in average.config.tasks.items()
    }


def finish(
    config: TrainConfig, average: CrnnForImageClassification, learn: Dataset, evaluate: Dataset | None, out: Path
) -> None:
    """Keep the last model too; score the best one in float32 and write its card from the figures."""
    save_model(average, out / "last")
    if not evaluate or not (out / "best").is_dir():
        return
    model, processor = load_classifier(str(out / "best"))
    report = evaluate_classifier(
        model.to(average.device),
        processor,
        evaluate,
        out / "evaluation",
        name=out.name,
        split=config.eval_split,
        train=learn,
        baseline_weights=config.backbone_weights or None,
    )
    card = classifier_card(report, config=asdict(config), tasks=model.config.tasks, name=out.name)
    card.save(out / "best" / "README.md")
    print(as_text(report), flush=True)


if __name__ == "__main__":
    main()
