"""`artextract publish`: what was made here goes to the Hub."""

import json
from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli import AsJson, app, list_skipped
from artextract_hf.errors import DataError

Private = Annotated[bool, typer.Option("--private", help="Make a new repository private.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write the repository to --out and push nothing.")]
Out = Annotated[Path | None, typer.Option(help="With --dry-run: folder to write.")]
Restricted = Annotated[
    bool, typer.Option("--allow-restricted", help="Publish also pictures that have no open licence.")
]
Tag = Annotated[str, typer.Option(help="A version that names the commit, such as v1.0.")]

publish = typer.Typer(help="Push to the Hub.", no_args_is_help=True)
app.add_typer(publish, name="publish")


@publish.command("dataset")
def publish_dataset(
    path: Annotated[Path, typer.Argument(help="What `artextract prepare` wrote, or a folder of such folders.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    allow_restricted: Restricted = False,
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A data set as typed Parquet, splits as configurations, with a card made from the data."""
    from artextract_hf.hub import dataset_repo as hub

    _check(dry_run, out)
    if out is not None:
        report = hub.write_dataset_repo(path, out, repo_id=repo_id, allow_restricted=allow_restricted)
    else:
        report = hub.publish_dataset(path, repo_id, allow_restricted=allow_restricted, private=private, tag=tag)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    for name, splits in report["configurations"].items():
        typer.echo(f"{name}: " + ", ".join(f"{split} {rows}" for split, rows in splits.items()))
    typer.echo(f"{len(report['files'])} files, as {report['form']}, " + (f"in {out}" if out else f"at {report['url']}"))
    list_skipped(report["left_out"])


@publish.command("model")
def publish_model(
    path: Annotated[Path, typer.Argument(help="A trained model: the folder `best` or `last` of a training.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    dataset: Annotated[str, typer.Option(help="Repository of the data that its figures were taken on.")] = "",
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A classifier or an embedder with its card, its figures and its code."""
    from artextract_hf.hub import model_repo as hub

    _check(dry_run, out)
    if out is not None:
        report = hub.write_model_repo(path, out, repo_id=repo_id, dataset=dataset)
    else:
        report = hub.publish_model(path, repo_id, dataset=dataset, private=private, tag=tag)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    for name in report["files"]:
        typer.echo(name)
    typer.echo(f"{report['bytes'] / 1e6:.1f} MB " + (f"in {out}" if out else f"at {report['url']}"))


@publish.command("index")
def publish_index(
    path: Annotated[Path, typer.Argument(help="What `artextract index` wrote.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    allow_restricted: Restricted = False,
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """A searchable collection with its card."""
    from artextract_hf.hub import index_repo as hub

    _check(dry_run, out)
    if out is not None:
        report = hub.write_index_repo(path, out, repo_id=repo_id, allow_restricted=allow_restricted)
    else:
        report = hub.publish_index(path, repo_id, allow_restricted=allow_restricted, private=private, tag=tag)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    typer.echo(f"{report['count']} paintings " + (f"in {out}" if out else f"at {report['url']}"))


@publish.command("space")
def publish_space(
    path: Annotated[Path, typer.Argument(help="The folder spaces_app of a checkout of this project.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    model: Annotated[str, typer.Option(help="Repository of its classifier; the embedded one if not given.")] = "",
    index: Annotated[str, typer.Option(help="Repository of its collection; procedural paintings if not given.")] = "",
    private: Private = False,
    dry_run: DryRun = False,
    out: Out = None,
    tag: Tag = "",
    as_json: AsJson = False,
) -> None:
    """The Gradio Space, with pinned requirements and the embedded models."""
    from artextract_hf.hub import space_repo as hub

    _check(dry_run, out)
    if out is not None:
        report = hub.write_space_repo(path, out, model=model, index=index)
    else:
        report = hub.publish_space(path, repo_id, model=model, index=index, private=private, tag=tag)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
        return
    typer.echo(f"{len(report['files'])} files " + (f"in {out}" if out else f"at {report['url']}"))


@publish.command("release")
def publish_release(
    path: Annotated[Path, typer.Argument(help="YAML file that names the parts (artextract_hf/hub/release.py).")],
    dry_run: DryRun = False,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Model, embedder, data set, index, Space and their collection, as one version; goes on if it was interrupted."""
    from artextract_hf.hub import release as hub

    _check(dry_run, out)
    release = hub.Release.load(path)
    parts = hub.publish(release) if out is None else hub.plan(release, out)
    if as_json:
        typer.echo(json.dumps({"version": release.version, "parts": parts}, ensure_ascii=False))
        return
    for part in parts:
        typer.echo(f"{part['kind']:<9} {part['repo_id']}  {part['state']}")


def _check(dry_run: bool, out: Path | None) -> None:
    if dry_run != (out is not None):
        raise DataError("--dry-run and --out FOLDER go together.")
