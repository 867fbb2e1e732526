"""The model's code beside its weights, so that `trust_remote_code=True` works where this package is not installed.

transformers fetches the files that a class imports relatively. The package imports absolutely: in the copies
`from artextract_hf.models.heads import X` becomes `from .heads import X`, and nothing else changes.
"""

import json
import re
from pathlib import Path

from artextract_hf.documents import read_document
from artextract_hf.errors import ModelError
from artextract_hf.folders import PACKAGE

# indentation, packages such as `models.` or none, and the module
OWN_IMPORT = re.compile(r"^([ \t]*)from artextract_hf\.((?:\w+\.)*)(\w+) import", re.MULTILINE)
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
    classes = own_classes(folder)
    _write(folder / "config.json", _read(folder / "config.json") | {"auto_map": classes})
    processor = _read(folder / "preprocessor_config.json")
    _write(folder / "preprocessor_config.json", processor | {"auto_map": {"AutoImageProcessor": PROCESSOR}})
    return copy_code([f"models/{name.partition('.')[0]}.py" for name in (*classes.values(), PROCESSOR)], folder)


def own_classes(folder: Path) -> dict[str, str]:
    """The classes that read a saved model, by their Auto class.

    Raises:
        ModelError: the folder holds no model of this package.
    """
    kind = str(_read(folder / "config.json").get("model_type"))
    if kind not in CLASSES:
        raise ModelError(f"{folder} holds a model of type {kind!r}; known: {', '.join(CLASSES)}.")
    return CLASSES[kind]


def copy_code(wanted: list[str], folder: Path) -> list[str]:
    """Copy files of the package, and what they import of it, with relative imports; the names of the copies."""
    written: set[str] = set()
    while wanted:
        source = PACKAGE / wanted.pop()
        if source.name in written:
            continue
        code = source.read_text(encoding="utf-8")
        wanted += [f"{stage.replace('.', '/')}{module}.py" for _, stage, module in OWN_IMPORT.findall(code)]
        (folder / source.name).write_text(OWN_IMPORT.sub(r"\1from .\3 import", code), encoding="utf-8")
        written.add(source.name)
    return sorted(written)


def _read(path: Path) -> dict:
    if not path.is_file():
        raise ModelError(f"{path.parent} holds no model: its {path.name} is missing.")
    return read_document(path, ModelError)


def _write(path: Path, document: dict) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
