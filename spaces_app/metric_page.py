"""The page of a published metric: its inputs as JSON, and the figures.

python app.py    in the metric's repository, where this file has that name
"""

import json
from pathlib import Path
from typing import Any

import evaluate
import gradio as gr
from huggingface_hub import RepoCard


def figures(metric: evaluate.Metric, given: str) -> dict[str, Any]:
    """What a metric makes of its inputs.

    Args:
        metric: that is computed.
        given: a JSON object, as `metric.example`.
    """
    try:
        # A new one for each visitor: after an error, a metric goes on with what it was given before.
        return type(metric)(keep_in_memory=True).compute(**json.loads(given))
    except (LookupError, RecursionError, TypeError, ValueError) as error:
        raise gr.Error(str(error).partition("\n")[0]) from None


def main() -> None:
    """Serve the metric of the folder that this file is in; `evaluate`'s own widget needs gradio 3."""
    folder = Path(__file__).parent
    card = RepoCard.load(folder / "README.md")
    metric = evaluate.load(str(folder / f"{card.data.title}.py"))
    page = gr.Interface(
        lambda given: figures(metric, given),
        gr.Code(json.dumps(metric.example, indent=1), language="json", label="inputs"),
        gr.JSON(label="figures"),
        title=metric.name,
        article=card.text,
        api_name="figures",
        flagging_mode="never",
    )
    page.launch()


if __name__ == "__main__":
    main()
