"""`artextract export`: models for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer

from artextract_hf.cli.application import AsJson, app, show

export = typer.Typer(help="Write a model for another runtime.", no_args_is_help=True)
app.add_typer(export, name="export")


@export.callback()
def _group() -> None:
    """Keep `onnx` a command of its own, also while it is the only one."""


@export.command("onnx", epilog="Example: artextract export onnx --model default --out classifier.onnx")
def export_onnx(
    model: Annotated[str, typer.Option(help="`default`, a directory, or a Hub name.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    as_json: AsJson = False,
) -> None:
    """One ONNX file for any number of paintings a call, checked against torch."""
    from artextract_hf import hub

    report = hub.export_onnx(model, out)
    outputs = ", ".join(report["outputs"])
    size, difference = f"{report['bytes'] / 1e6:.1f} MB", f"{report['difference']:.1e}"
    show(report, [f"{out}: {size}, gives {outputs}; at most {difference} from torch"], as_json=as_json)
