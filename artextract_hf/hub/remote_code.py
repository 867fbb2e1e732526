"""The model's code beside its weights, so that `trust_remote_code=True` works where this package is not installed.

transformers fetches the files that a class imports relatively. The package imports absolutely: on the way out
`from artextract_hf.models.heads import X` becomes `from .heads import X`, and nothing else changes.
"""

import json
import re
from pathlib import Path

from artextract_hf.errors import ModelError
from artextract_hf.folders import PACKAGE

OWN_IMPORT = re.compile(r"^from artextract_hf\.(?:models\.)?(\w+) import", re.MULTILINE)
CLASSES = {
    "crnn": {
        "AutoConfig": "configuration_crnn.CrnnConfig",
        "AutoModel": "modeling_crnn.CrnnModel",
        "AutoModelForImageClassification": "modeling_crnn.CrnnForImageClassification",
    },
    "byol": {
        "AutoConfig": "configuration_byol.ByolConfig",
        "AutoModel": "modeling_byol.ByolModel",
        "AutoModelForPreTraining": "modeling_byol.ByolForPreTraining",
    },
}
PROCESSOR = "image_processing_art.ArtImageProcessor"


def write_remote_code(folder: Path) -> list[str]:
    """Put the code that a saved model needs into its folder, and name its classes in its configuration.

    Args:
        folder: with config.json and preprocessor_config.json; both are rewritten.

    Returns:
        Names of the files of code.

    Raises:
        ModelError: the folder holds no model of this package.
    """
    config = _read(folder / "config.json")
    classes = CLASSES.get(config.get("model_type", ""))
    if classes is None:
        raise ModelError(f"{folder} holds a model of type {config.get('model_type')!r}; known: {', '.join(CLASSES)}.")
    _write(folder / "config.json", config | {"auto_map": classes})
    processor = _read(folder / "preprocessor_config.json")
    _write(folder / "preprocessor_config.json", processor | {"auto_map": {"AutoImageProcessor": PROCESSOR}})
    wanted = [name.partition(".")[0] for name in (*classes.values(), PROCESSOR)]
    written: list[str] = []
    while wanted:
        module = wanted.pop()
        if f"{module}.py" in written:
            continue
        source = (PACKAGE / f"{module}.py" if module == "errors" else PACKAGE / "models" / f"{module}.py").read_text(
            encoding="utf-8"
        )
        wanted += OWN_IMPORT.findall(source)
        (folder / f"{module}.py").write_text(OWN_IMPORT.sub(r"from .\1 import", source), encoding="utf-8")
        written.append(f"{module}.py")
    return sorted(written)


def _read(path: Path) -> dict:
    if not path.is_file():
        raise ModelError(f"{path.parent} holds no model: its {path.name} is missing.")
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, document: dict) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
