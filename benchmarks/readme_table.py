"""Write the README's table of the embedded classifier from its evaluation.

python benchmarks/readme_table.py
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
METRICS = ROOT / "artextract_hf/pretrained/crnn-wikiart/metrics.json"
BLOCK = re.compile(r"(<!-- figures: .*? -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def table() -> str:
    """The table as Markdown, percent."""
    report = json.loads(METRICS.read_text(encoding="utf-8"))
    baselines = report["baselines"]
    lines = [
        "| task | top-1 | top-5 | balanced accuracy | macro F1 | frozen features | majority | paintings |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for task, scores in report["tasks"].items():
        figures = [scores[key] for key in ("accuracy", "top5", "balanced_accuracy", "macro_f1")]
        figures += [baselines[kind]["tasks"][task]["accuracy"] for kind in ("frozen_features", "majority")]
        lines.append(f"| {task} | " + " | ".join(f"{100 * f:.1f}" for f in figures) + f" | {scores['n']} |")
    return "\n".join(lines) + "\n"


def rendered(readme: str) -> str:
    """The README with its table made anew."""
    return BLOCK.sub(lambda m: m[1] + table() + m[2], readme)


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
