"""`artextract evaluate`: models and data become figures."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, Backend, app, list_skipped

evaluate = typer.Typer(help="Score a model on prepared data.", no_args_is_help=True)
app.add_typer(evaluate, name="evaluate")


@evaluate.command("classifier")
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
    from artextract_hf.data.prepared import ALL, load_prepared, take_split
    from artextract_hf.evaluation import report
    from artextract_hf.models import load_classifier

    splits = load_prepared(data)
    paintings = take_split(splits, split)
    train = splits["train"] if "train" in splits and split not in ("train", ALL) else None
    network, processor = load_classifier(model)
    result = report.evaluate_classifier(
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
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo(report.as_text(result))
    list_skipped(result["skipped"])


@evaluate.command("embedder")
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
    from artextract_hf.data.prepared import ALL, load_prepared, take_split
    from artextract_hf.embedders.auto import AutoEmbedder
    from artextract_hf.evaluation import embedding_report

    searched, asked = (take_split(load_prepared(folder), ALL) for folder in (gallery, queries))
    network = AutoEmbedder.from_pretrained(embedder, backend)
    result = embedding_report.evaluate_embedder(network, searched, asked, out, name=embedder, photos=photos)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo(embedding_report.as_text(result))
    list_skipped(result["skipped"])
