"""`artextract evaluate`: models and data become figures."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AsJson, Backend, app, open_vectors, show

evaluate = typer.Typer(help="Score a model on prepared data.", no_args_is_help=True)
app.add_typer(evaluate, name="evaluate")


@evaluate.command(
    "classifier", epilog="Example: artextract evaluate classifier --model default --data data --out report"
)
def evaluate_classifier(
    model: Annotated[str, typer.Option(help="A directory, a Hub name, or `default`.")],
    data: Annotated[Path, typer.Option(help="What `artextract prepare` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder to write the report to.")],
    split: Annotated[str, typer.Option(help="A split of the data, or `all`.")] = "val",
    baseline_weights: Annotated[
        Path | None, typer.Option(help="Safetensors of the ImageNet backbone: adds the frozen-feature baseline.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Paintings a forward pass.")] = 64,
    as_json: AsJson = False,
) -> None:
    """Top-1, top-5, balanced accuracy and macro F1 of every task, with baselines beside them."""
    from artextract_hf import evaluation
    from artextract_hf.data import ALL, load_prepared, take_split
    from artextract_hf.models import load_classifier

    splits = load_prepared(data)
    paintings = take_split(splits, split)
    train = splits["train"] if "train" in splits and split not in ("train", ALL) else None
    network, processor = load_classifier(model)
    report = evaluation.evaluate_classifier(
        network,
        processor,
        paintings,
        out,
        name=model,
        split=split,
        train=train,
        baseline_weights=baseline_weights,
        batch_size=batch_size,
    )
    show(report, evaluation.classifier_table(report).splitlines(), as_json=as_json, left_out=report["skipped"])


@evaluate.command("embedder", epilog="Example: artextract evaluate embedder --gallery a --queries b --out report")
def evaluate_embedder(
    embedder: Annotated[str, typer.Option(help="`default`, a directory, a Hub name, or a timm model.")],
    gallery: Annotated[Path, typer.Option(help="What is searched: what `artextract prepare` wrote, all splits.")],
    queries: Annotated[Path, typer.Option(help="What is searched with: likewise.")],
    out: Annotated[Path, typer.Option(help="Folder to write the report to.")],
    photos: Annotated[int, typer.Option(min=0, help="Gallery works to photograph as a visitor would.")] = 300,
    backend: Backend = "torch",
    as_json: AsJson = False,
) -> None:
    """Precision and mean average precision of search by style, genre and artist; recall from visitors' photographs."""
    from artextract_hf import evaluation
    from artextract_hf.data import ALL, load_prepared, take_split
    from artextract_hf.embedders import AutoEmbedder

    searched, asked = (take_split(load_prepared(folder), ALL) for folder in (gallery, queries))
    network = AutoEmbedder.from_pretrained(embedder, backend)
    report = evaluation.evaluate_embedder(network, searched, asked, out, name=embedder, photos=photos)
    show(report, evaluation.embedder_table(report).splitlines(), as_json=as_json, left_out=report["skipped"])


@evaluate.command("index", epilog="Example: artextract evaluate index index")
def evaluate_index(
    index: Annotated[Path, typer.Argument(help="What `artextract index` or `artextract embed` wrote.")],
    as_json: AsJson = False,
) -> None:
    """What each kind of index would find among these paintings, how fast, and how large it would be."""
    from artextract_hf.retrieval import try_factories

    searched = open_vectors(index)
    head = f"{'factory':<8} {'recall@10':>9} {'p50 ms':>8} {'p95 ms':>8} {'MB':>8} {'built s':>8}"
    trials, lines = [], [f"{len(searched)} paintings, vectors of length {searched.dim}, {searched.metric}", head]
    for trial in try_factories(searched.vectors(), searched.metric):
        trials.append(trial.as_json())
        figures = f"{100 * trial.recall:>8.1f}% {trial.p50_ms:>8.2f} {trial.p95_ms:>8.2f} {trial.bytes / 1e6:>8.1f}"
        lines.append(f"{trial.factory:<8} {figures} {trial.build_s:>8.1f}")
    document = {"count": len(searched), "dim": searched.dim, "metric": searched.metric, "factories": trials}
    show(document, lines, as_json=as_json)
