"""CLIP and SigLIP of a few thousand random weights, saved and loaded as those of the Hub are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

from artextract_hf import AutoEmbedder
from artextract_hf.embedders.clip_embedder import TextImageEmbedder
from artextract_hf.errors import ModelError, QueryError
from tests.conftest import plain_picture

SIDE, PATCH, LONGEST = 64, 16, 12
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION = TOWER | {"image_size": SIDE, "patch_size": PATCH}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PICTURES = [plain_picture((9, 200, 30), (90, 60)), plain_picture((200, 20, 30), (50, 70), seed=1)]
TEXTS = ["A red boat", "the sea", "a very long title of a painting that no model reads to its end"]


def save_clip(folder: Path) -> None:
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    tokenizer = CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[])
    text = TOWER | {"vocab_size": len(words), "max_position_embeddings": LONGEST}
    text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=24)).save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def save_siglip(folder: Path) -> None:
    """With the tokenizer.json that Google's repositories hold, in small, and their `tokenizer_class`."""
    words = ["<pad>", "</s>", "<unk>", "a", "red", "boat", "the", "sea", "long", "title"]
    tokens = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokens.normalizer = normalizers.Replace(Regex(r"[^\w\s]"), "")
    tokens.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokens.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokens, **special).save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | {"tokenizer_class": "SiglipTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    text = TOWER | {"vocab_size": len(words), "max_position_embeddings": LONGEST, "projection_size": 32}
    SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


SAVE = {"clip": save_clip, "siglip": save_siglip}


@pytest.fixture(scope="module", params=SAVE)
def folder(request, tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp(request.param)
    SAVE[request.param](path)
    return path


@pytest.fixture(scope="module")
def embedder(folder) -> TextImageEmbedder:
    return AutoEmbedder.from_pretrained(str(folder))


def unit(vectors: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors, dim=1).numpy()


def model_of(folder: Path) -> CLIPModel | SiglipModel:
    return (CLIPModel if folder.name.startswith("clip") else SiglipModel).from_pretrained(folder).eval()


def pixels_of(folder: Path) -> torch.Tensor:
    """By hand: CLIP scales the short side and cuts the middle out, SigLIP squeezes; each normalises its own way."""
    clip = folder.name.startswith("clip")
    mean = np.array([0.48145466, 0.4578275, 0.40821073] if clip else [0.5] * 3)
    deviation = np.array([0.26862954, 0.26130258, 0.27577711] if clip else [0.5] * 3)
    found = []
    for picture in PICTURES:
        width, height = picture.size
        short = min(width, height)
        size = (SIDE * width // short, SIDE * height // short) if clip else (SIDE, SIDE)
        scaled = np.asarray(picture.resize(size, Image.Resampling.BICUBIC if clip else Image.Resampling.BILINEAR))
        top, left = (size[1] - SIDE) // 2, (size[0] - SIDE) // 2
        cut = scaled[top : top + SIDE, left : left + SIDE] / 255
        found.append(((cut - mean) / deviation).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(found)).float()


def test_pictures_are_embedded_as_by_the_model(embedder, folder):
    with torch.no_grad():
        expected = unit(model_of(folder).get_image_features(pixels_of(folder)).pooler_output)
    found = embedder.embed(PICTURES, batch_size=1)
    assert found.dtype == np.float32 and found.shape == (2, embedder.dim)
    np.testing.assert_allclose(found, expected, atol=2e-3)  # transformers rounds a side otherwise by a pixel
    assert float((found[0] * found[1]).sum()) < 0.999


def test_texts_reach_the_model_as_it_was_trained(embedder, folder):
    """Tokens by hand: CLIP letter by letter up to the text's end, SigLIP word by word and padded to the full length."""
    model, expected = model_of(folder), []
    for text in TEXTS:
        if isinstance(model, CLIPModel):
            tokens = [0, *letter_ids(text)[: LONGEST - 2], 1]
        else:
            tokens = [*word_ids(text)[: LONGEST - 1], 1]
            tokens += [0] * (LONGEST - len(tokens))
        with torch.no_grad():
            expected.append(unit(model.get_text_features(torch.tensor([tokens])).pooler_output)[0])
    found = embedder.embed_text(TEXTS, batch_size=2)
    assert found.dtype == np.float32 and found.shape == (3, embedder.dim)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
    np.testing.assert_allclose(embedder.embed_text(["A RED boat"]), found[:1], atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3
    assert embedder.embed_text([]).shape == (0, embedder.dim)


def letter_ids(text: str) -> list[int]:
    place = {letter: 2 + i for i, letter in enumerate(LETTERS)}
    return [place[c] + (26 if i == len(w) - 1 else 0) for w in text.lower().split() for i, c in enumerate(w)]


def word_ids(text: str) -> list[int]:
    place = {word: i for i, word in enumerate(["a", "red", "boat", "the", "sea", "long", "title"], 3)}
    return [place.get(word, 2) for word in text.lower().split()]


def test_maps_are_the_last_layers_patches(embedder, folder):
    model = model_of(folder)
    with torch.no_grad():
        tokens = model.vision_model(pixels_of(folder)).last_hidden_state.numpy()
    found = embedder.maps(PICTURES)
    assert found.shape == (2, 32, 4, 4)
    np.testing.assert_allclose(found[:, :, 1, 2], tokens[:, tokens.shape[1] - 16 + 6], atol=2e-2)
    larger = embedder.maps(PICTURES, side=96)
    assert larger.shape == (2, 32, 6, 6)
    assert np.abs(larger[:, :, 5, 5] - found[:, :, 3, 3]).max() < np.abs(larger).max()


def test_openvino_answers_as_torch(embedder, folder):
    other = AutoEmbedder.from_pretrained(str(folder), backend="openvino")
    np.testing.assert_allclose(other.embed(PICTURES), embedder.embed(PICTURES), atol=1e-4)
    np.testing.assert_array_equal(other.embed_text(TEXTS), embedder.embed_text(TEXTS))
    assert other.fingerprint == embedder.fingerprint


def changed(folder: Path, target: Path, name: str, **settings: object) -> str:
    """A copy of a model with some settings of one of its documents changed."""
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    document = json.loads((target / name).read_text()) | settings
    (target / name).write_text(json.dumps(document))
    return str(target)


def test_the_fingerprint_follows_weights_and_preprocessing(embedder, folder, tmp_path):
    assert AutoEmbedder.from_pretrained(str(folder)).fingerprint == embedder.fingerprint
    other = AutoEmbedder.from_pretrained(changed(folder, tmp_path, "preprocessor_config.json", image_mean=[0.1] * 3))
    assert other.fingerprint != embedder.fingerprint
    model = model_of(folder)
    with torch.no_grad():
        model.text_model.final_layer_norm.bias[0] += 1e-3
    changed(folder, tmp_path, "config.json")
    model.save_pretrained(tmp_path)
    assert AutoEmbedder.from_pretrained(str(tmp_path)).fingerprint != embedder.fingerprint


def test_bad_texts(embedder):
    for texts in ("a boat", ["a boat", None]):
        with pytest.raises(QueryError, match="list of texts"):
            embedder.embed_text(texts)


@pytest.mark.parametrize("kind", ["siglip2", "bert"])
def test_another_kind_is_one_line(folder, tmp_path, kind):
    path = changed(folder, tmp_path, "config.json", model_type=kind)
    with pytest.raises(ModelError, match=f"kind '{kind}'.* all but NaFlex") as caught:
        AutoEmbedder.from_pretrained(path)
    assert "\n" not in str(caught.value)


def test_a_pickle_is_never_read(folder, tmp_path):
    changed(folder, tmp_path, "config.json")
    (tmp_path / "model.safetensors").unlink()
    torch.save(model_of(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors") as caught:
        AutoEmbedder.from_pretrained(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "tokenizer.json", "model.safetensors"])
def test_damaged_files_are_one_line(folder, tmp_path, name):
    changed(folder, tmp_path, "config.json")
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(ModelError) as caught:
        AutoEmbedder.from_pretrained(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("config.json", {"attn_implementation": "evil/kernel"}, "'attn_implementation' in its config.json"),
        ("config.json", {"_attn_implementation": "evil/kernel"}, "'_attn_implementation' in its config.json"),
        (
            "config.json",
            {"text_config": TOWER | {"attn_implementation": "evil/kernel"}},
            "'attn_implementation' in its",
        ),
        ("config.json", {"quantization_config": {"quant_method": "gptq"}}, "'quantization_config' in its config.json"),
        ("config.json", {"configuration_files": ["config.5.0.0.json"]}, "'configuration_files' in its config.json"),
        ("config.json", {"vision_config": VISION | {"dtype": "evil"}}, "dtype 'evil' in its config.json"),
        ("adapter_config.json", {"base_model_name_or_path": "evil/model"}, "holds an adapter"),
        ("preprocessor_config.json", {"image_processor_type": "OneFormerImageProcessor"}, "'OneFormerImageProcessor'"),
        (
            "preprocessor_config.json",
            {"image_processor_type": "Evil", "auto_map": {"AutoImageProcessor": "evil.Evil"}},
            "'Evil'",
        ),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["tokenizer.5.0.0.json"]}, "'fast_tokenizer_files'"),
    ],
)
def test_what_reaches_beyond_the_folder_is_refused(folder, tmp_path, name, settings, message):
    if (folder / name).exists():
        changed(folder, tmp_path, name, **settings)
    else:
        changed(folder, tmp_path, "config.json")
        (tmp_path / name).write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=message) as caught:
        AutoEmbedder.from_pretrained(str(tmp_path))
    assert "\n" not in str(caught.value) and "AttributeError" not in str(caught.value)
