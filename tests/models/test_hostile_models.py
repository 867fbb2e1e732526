"""Model folders that a stranger made: one clear error, before memory is taken, or a whole model."""

import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig, AutoModelForImageClassification, pipeline

from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.errors import ArtExtractError, ModelError
from artextract_hf.models import (
    ArtImageProcessor,
    ByolConfig,
    ByolForPreTraining,
    ByolModel,
    CrnnConfig,
    CrnnForImageClassification,
    CrnnModel,
    load_classifier,
)
from tests.retrieval.mutation import mutant

FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
PICTURE = Image.new("RGB", (80, 60), (90, 120, 30))
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 34000000\n"
TRIALS = 4  # of each file; in the long test 300
MB = 300  # that a damaged model may take above a whole one


@pytest.fixture
def folder(tiny_classifier, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_classifier, tmp_path / "model"))


@pytest.fixture(scope="module")
def byol_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("byol")
    config = ByolConfig(backbone="mobilenetv3_small_050", image_size=64, projector_hidden_size=32, projection_size=8)
    ByolForPreTraining(config).save_pretrained(folder)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def edit(folder: Path, name: str, **changes: Any) -> None:
    document = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**document, **changes}))


def rewrite(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def classify(folder: Path) -> None:
    model, processor = load_classifier(str(folder))
    answer = pipeline("art-attributes", model=model, image_processor=processor)(PICTURE)
    json.dumps(answer, allow_nan=False)


def embed(folder: Path) -> None:
    assert np.isfinite(AutoEmbedder.from_pretrained(folder).embed([PICTURE])).all()


def try_mutants(whole: Path, folder: Path, uses: tuple[Callable[[Path], None], ...], trials: int) -> None:
    for use in uses:
        use(whole)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in FILES:
        for number in range(trials):
            shutil.copytree(whole, folder, dirs_exist_ok=True)
            (folder / name).write_bytes(
                mutant(name, (whole / name).read_bytes(), np.random.default_rng([number, len(name)]))
            )
            try:
                uses[number % len(uses)](folder)
            except ArtExtractError as error:
                assert "\n" not in str(error), (name, number)
            except Exception as error:
                raise AssertionError(f"{name}, mutant {number}: {type(error).__name__}: {error}") from error
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MB * 1024


def test_damaged_models_are_one_clear_error(tiny_classifier, tmp_path):
    try_mutants(tiny_classifier, tmp_path / "mutant", (classify, embed), TRIALS)


@pytest.mark.long
def test_much_damaged_models_are_one_clear_error(tiny_classifier, byol_folder, tmp_path):
    try_mutants(tiny_classifier, tmp_path / "classifier", (classify, embed), 300)
    try_mutants(byol_folder, tmp_path / "byol", (embed,), 300)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 8000}, "image_size is 8000; it may be 1024"),
        ({"companions": [{"hidden_size": 9}] * 300}, "there may be 16"),
        ({"hidden_size": 500_000}, "do not fit"),
        ({"hidden_size": 10**18}, "hidden_size"),
        ({"num_layers": 10**9}, "num_layers is 1000000000"),
        ({"projection_size": 900_000}, "do not fit"),
        ({"num_labels": 10**9}, "'num_labels' in its config.json"),
        ({"transformers_weights": "../other.safetensors"}, "'transformers_weights' in its config.json"),
        ({"quantization_config": {"quant_method": "gptq"}}, "'quantization_config' in its config.json"),
        ({"attn_implementation": "evil/kernel"}, "'attn_implementation' in its config.json"),
        ({"_attn_implementation": "evil/kernel"}, "'_attn_implementation' in its config.json"),
        ({"_attn_implementation_internal": "evil/kernel"}, "'_attn_implementation_internal' in its config.json"),
        ({"experts_implementation": "evil/kernel"}, "'experts_implementation' in its config.json"),
        ({"companions": [{"attn_implementation": "evil/kernel"}]}, "'attn_implementation' in its config.json"),
        ({"configuration_files": ["config.5.0.0.json"]}, "'configuration_files' in its config.json"),
        ({"fusion_config": {"patch_embeddings": True}}, "'fusion_config' in its config.json"),
        ({"per_layer_config": {"0": {}}}, "'per_layer_config' in its config.json"),
        ({"dtype": "evil"}, "dtype 'evil' in its config.json; it has to be one of torch's"),
        ({"torch_dtype": "nn"}, "torch_dtype 'nn' in its config.json"),
        ({"dtype": 3}, "dtype '3' in its config.json"),
        ({"companions": [{}]}, "do not fit"),
        ({"dropout": "much"}, "dropout"),
        ({"tasks": 3}, "tasks"),
    ],
)
def test_sizes_are_refused_before_memory_is_taken(changes, message, folder):
    edit(folder, "config.json", **changes)
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(ModelError, match=message) as error:
        load_classifier(str(folder))
    assert "AttributeError" not in str(error.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MB * 1024
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": {"height": 10**6, "width": 10**6}}, "1 to 1024 pixels"),
        ({"size": {"height": 64, "width": 32}}, "1 to 1024 pixels"),
        ({"image_std": [1, 0, 1]}, "image_std"),
        ({"image_mean": "grey"}, "image_mean"),
        ({"resample": {}}, "resample"),
        ({"rescale_factor": "x"}, "rescale_factor"),
        ({"do_resize": False}, "does not squeeze"),
        ({"do_center_crop": True, "crop_size": {"height": 10**6, "width": 10**6}}, "does not squeeze"),
    ],
)
def test_preprocessing_that_no_model_has_is_refused(changes, message, folder):
    edit(folder, "preprocessor_config.json", **changes)
    for load in (load_classifier, AutoEmbedder.from_pretrained):
        with pytest.raises(ModelError, match=message):
            load(str(folder))


def test_the_projects_own_classes_raise_the_projects_own_errors(folder):
    kinds = (CrnnConfig, CrnnModel, CrnnForImageClassification, ArtImageProcessor)
    for name in FILES:
        (folder / name).write_text("[" * 100_000)
    for kind in kinds:
        with pytest.raises(ModelError) as error:
            kind.from_pretrained(folder)
        assert "\n" not in str(error.value)
    with pytest.raises(ModelError):
        ByolModel.from_pretrained(folder)


def test_a_pointer_in_place_of_the_weights_says_what_to_do(folder, run_cli, tmp_path):
    (folder / "model.safetensors").write_text(POINTER)
    PICTURE.save(tmp_path / "a.png")
    for load in (load_classifier, AutoEmbedder.from_pretrained, CrnnForImageClassification.from_pretrained):
        with pytest.raises(ModelError, match="git lfs pull"):
            load(str(folder))
    for command in (
        ("classify", tmp_path / "a.png", "--model", folder),
        ("publish", "model", folder, "owner/name", "--dry-run", "--out", tmp_path / "repo"),
    ):
        code, _, error = run_cli(*command)
        assert code == 2 and "git lfs pull" in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "repo/model.safetensors").exists()


@pytest.mark.parametrize("kind", ["cut", "longer", "nan", "inf"])
def test_weights_that_do_not_load_are_neither_loaded_nor_published(kind, folder, run_cli, tmp_path):
    path = folder / "model.safetensors"
    if kind in ("nan", "inf"):
        rewrite(folder, lambda weights: weights["crnn.project.bias"].fill(float(kind)))
    else:
        path.write_bytes(path.read_bytes()[:-8] if kind == "cut" else path.read_bytes() + b"x")
    with pytest.raises(ModelError, match="is damaged"):
        load_classifier(str(folder))
    code, _, error = run_cli("publish", "model", folder, "owner/name", "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and "is damaged" in error and not (tmp_path / "repo/model.safetensors").exists()


def test_answers_that_are_no_numbers_are_an_error(folder):
    def change(weights: dict[str, np.ndarray]) -> None:
        for name in weights:
            if name.startswith("heads."):
                weights[name] = np.full_like(weights[name], 3e38)

    rewrite(folder, change)
    with pytest.raises(ModelError, match="gives no numbers"):
        classify(folder)


def test_a_pickle_is_never_read(folder):
    """`pytorch_model.bin` would write a file, if anything unpickled it."""
    trap = folder / "opened"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cposix\nsystem\n(S'touch " + str(trap).encode() + b"'\ntR.")
    for load in (load_classifier, AutoEmbedder.from_pretrained, CrnnModel.from_pretrained):
        with pytest.raises(ModelError):
            load(str(folder))
    with pytest.raises(ValueError, match=r"safetensors|cannot be loaded"):
        AutoModelForImageClassification.from_pretrained(folder)
    assert not trap.exists()


def test_an_adapter_does_not_name_another_model(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "evil/model"}')
    for load in (load_classifier, AutoEmbedder.from_pretrained, CrnnModel.from_pretrained):
        with pytest.raises(ModelError, match="holds an adapter"):
            load(str(folder))


def test_code_of_a_model_is_never_run(folder):
    trap = folder / "opened"
    (folder / "evil.py").write_text(f"open({str(trap)!r}, 'w')\nclass Evil: pass\n")
    auto_map = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoModelForImageClassification": "evil.Evil"}
    edit(folder, "config.json", auto_map=auto_map)
    edit(folder, "preprocessor_config.json", auto_map={"AutoImageProcessor": "evil.Evil"})
    load_classifier(str(folder))
    AutoEmbedder.from_pretrained(folder)
    AutoConfig.from_pretrained(folder)
    edit(folder, "config.json", model_type="evil")
    for load in (load_classifier, AutoEmbedder.from_pretrained):
        with pytest.raises(ModelError):
            load(str(folder))
    assert not trap.exists()
