import copy
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModel, AutoModelForImageClassification, pipeline

from artextract_hf.errors import ModelError
from artextract_hf.models import CrnnConfig, CrnnForImageClassification, CrnnModel, load_classifier
from artextract_hf.models.sequence import ORDERS
from tests.conftest import plain_picture
from training.frozen_norm import fold_frozen_norms

SMALL = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}
TASKS = {"style": ["a", "b", "c"], "genre": ["x", "y"]}


def small(**changes: object) -> CrnnForImageClassification:
    torch.manual_seed(0)
    return CrnnForImageClassification(CrnnConfig(**(SMALL | {"tasks": TASKS} | changes))).eval()


# --- model ----------------------------------------------------------------------------------------------------------


PARTS = {
    "neck": {"neck": ["conv", "multi_path"]},
    "neck without projection": {"neck": ["multi_path"], "projection_size": 0},
    "gabor": {"gabor": "fixed", "sequence": "channels"},
    "heads": {"heads": {"style": "stack", "genre": "residual_se"}},
    "all at once": {
        "neck": ["conv"],
        "gabor": "learnable",
        "sequence": "rows_and_columns",
        "attention": "before",
        "rnn_type": "gru",
        "num_layers": 2,
        "bidirectional": False,
        "heads": {"genre": "stack"},
    },
}


@pytest.mark.parametrize("changes", PARTS.values(), ids=PARTS)
def test_every_part_learns_and_returns_from_disk(changes, tmp_path):
    model, pixels = small(**changes), torch.randn(2, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        expected, loaded = model(pixels), again(pixels)
    for task in TASKS:
        torch.testing.assert_close(expected.task_logits[task], loaded.task_logits[task])
    model.train()(pixels, labels={"style": torch.tensor([0, 1]), "genre": torch.tensor([1, 0])}).loss.backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert all("backbone.conv_head" in name or "backbone.norm_head" in name for name in unused)  # timm's forward_head


def with_companions() -> CrnnForImageClassification:
    return small(companions=[{"backbone": "mobilenetv2_035"}, {"rnn_type": "gru", "hidden_size": 4}])


def test_the_logits_of_a_task_are_divided_by_its_temperature(tmp_path):
    model, pixels = with_companions().eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(pixels)
    model.config.temperature = {"style": 0.5}
    model.save_pretrained(tmp_path)
    again = CrnnForImageClassification.from_pretrained(tmp_path).eval()
    assert again.config.temperature == {"style": 0.5} and not again.companions[0].config.temperature
    with torch.no_grad():
        after = again(pixels)
    torch.testing.assert_close(after.task_logits["style"], 2 * before.task_logits["style"])
    torch.testing.assert_close(after.logits, after.task_logits["style"])
    torch.testing.assert_close(after.task_logits["genre"], before.task_logits["genre"])
    torch.testing.assert_close(after.embeddings, before.embeddings)


@pytest.mark.parametrize(
    "temperature", [{"style": 0.0}, {"style": -1.0}, {"period": 1.0}, {"style": float("nan")}, {"style": float("inf")}]
)
def test_a_temperature_is_a_positive_number_of_a_task(temperature):
    with pytest.raises(ModelError, match="temperature"):
        small(temperature=temperature)


@pytest.mark.parametrize(
    "wrong",
    [
        {"set_thresholds": {"style": [0.5]}},
        {"set_thresholds": {"period": [0.5, 0.5]}},
        {"set_thresholds": {"style": [0.5, 1.5]}},
        {"set_thresholds": {"style": [0.5, float("nan")]}},
        {"set_level": 1.0},
    ],
)
def test_each_class_has_one_threshold_that_a_probability_can_reach(wrong):
    with pytest.raises(ModelError, match=next(iter(wrong))):
        small(**wrong)


def test_companions_answer_together_and_the_embedding_is_the_first_ones(tmp_path):
    model, pixels = with_companions(), torch.randn(2, 3, 64, 64)
    model.save_pretrained(tmp_path)
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        together, loaded = model(pixels), again(pixels)
        alone = [model.classify(model.crnn(pixels)), *(companion(pixels) for companion in model.companions)]
        trunk = CrnnModel.from_pretrained(tmp_path)(pixels)
    for task, logits in together.task_logits.items():
        torch.testing.assert_close(logits, sum(each.task_logits[task] for each in alone) / 3)
        torch.testing.assert_close(logits, loaded.task_logits[task])
    assert torch.equal(together.logits, together.task_logits["style"])
    assert torch.equal(together.embeddings, alone[0].embeddings) and torch.equal(
        together.attentions, alone[0].attentions
    )
    torch.testing.assert_close(trunk.pooler_output, together.embeddings)
    assert [c.crnn.config.backbone for c in again.companions] == ["mobilenetv2_035", SMALL["backbone"]]


def test_without_companions_it_is_a_copy_of_the_first_network_and_the_whole_stays():
    model, pixels = with_companions(), torch.randn(2, 3, 64, 64)
    model.config.temperature = {"style": 0.5}
    random = torch.get_rng_state()
    single = model.without_companions()
    assert torch.equal(torch.get_rng_state(), random)  # a training that starts from it draws the same numbers
    assert len(model.companions) == len(model.config.companions) == 2 and model.config.temperature == {"style": 0.5}
    assert len(single.companions) == len(single.config.companions) == 0 and not single.config.temperature
    with torch.no_grad():
        expected, found = model.classify(model.crnn(pixels)), single(pixels)
        for task in TASKS:
            torch.testing.assert_close(found.task_logits[task], expected.task_logits[task])
        for weight in single.parameters():
            weight.zero_()
    assert all(bool(weight.any()) for weight in model.crnn.project.parameters())


def test_a_companion_differs_in_what_it_is_made_of_only():
    with pytest.raises(ModelError, match=r"companions sets image_size, tasks; a companion may differ in .*backbone"):
        CrnnConfig(companions=[{"tasks": TASKS, "image_size": 32}])
    with pytest.raises(ModelError, match="rnn_type is 'lstmm'"):
        CrnnConfig(companions=[{"rnn_type": "lstmm"}])
    one, other = CrnnConfig(tasks=TASKS), CrnnConfig(tasks=TASKS, backbone="resnet18", image_size=300)
    assert other.as_companion(one) == {"backbone": "resnet18"}


def test_two_readings_meet_at_their_place():
    """By rows and by columns in loops over the map's places; the attention weighs what both say of a place."""
    model = small(sequence="rows_and_columns", rnn_type="gru", bidirectional=False, global_pool=False).crnn
    features = torch.randn(1, model.project.in_channels, 2, 3)
    with torch.no_grad():
        output = model.read(features)
        places = model.sequence_norm(model.project(features)[0].permute(1, 2, 0))  # (2, 3, 16)
        orders = {
            model.rnn: [(r, c) for r in range(2) for c in range(3)],
            model.rnn_columns: [(r, c) for c in range(3) for r in range(2)],
        }
        said = torch.zeros(2, 3, 2, 8)
        for reading, (rnn, order) in enumerate(orders.items()):
            states, _ = rnn(torch.stack([places[place] for place in order])[None])
            for t, place in enumerate(order):
                said[place][reading] = states[0, t]
        said = said.flatten(2)  # (2, 3, 16): rows' 8 units, then columns' 8
        weights = output.attentions[0].mean(dim=0)
        summary = sum(weights[r, c] * said[r, c] for r in range(2) for c in range(3))
    assert model.embedding_size == 16 and output.last_hidden_state.shape == (1, 6, 16)
    assert torch.allclose(output.last_hidden_state[0], said.flatten(0, 1), atol=1e-6)
    assert torch.allclose(output.pooler_output[0], model.summary_norm(summary), atol=1e-5)


def test_attention_before_weighs_what_the_recurrent_network_reads():
    model = small(attention="before", global_pool=False).crnn
    features = torch.randn(1, model.project.in_channels, 2, 2)
    with torch.no_grad():
        output = model.read(features)
        steps = model.sequence_norm(model.project(features).flatten(2).transpose(1, 2))
        weights = model.attention.weights(steps)  # (1, 4 heads, 4 steps)
        weighed = torch.stack([4 * weights[0, :, t].mean() * steps[0, t] for t in range(4)])[None]
        states, _ = model.rnn(weighed)
        assert torch.allclose(output.last_hidden_state, states, atol=1e-6)
        assert torch.allclose(output.attentions, weights.unflatten(2, (2, 2)))
        model.attention.score.weight.zero_()  # uniform attention leaves the sequence as it is
        states, _ = model.rnn(steps)
        assert torch.allclose(model.read(features).last_hidden_state, states, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_reads_in_float32(dtype):
    model, pixels = small(gabor="fixed", neck=["conv"], sequence="rows_and_columns"), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = model(pixels)
        with torch.autocast("cpu", dtype=dtype):
            output = model(pixels)
    assert output.embeddings.dtype == torch.float32
    assert torch.allclose(output.embeddings, expected.embeddings, atol=0.1)


def test_what_was_saved_before_these_parts_is_the_same_model(tmp_path):
    """A configuration without the newer keys: nothing is added to the weights or to the answers."""
    model, pixels = small(), torch.randn(1, 3, 64, 64)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for key in ("gabor", "neck", "heads"):
        del config[key]
    (tmp_path / "config.json").write_text(json.dumps(config))
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(model(pixels).logits, again(pixels).logits)
    kinds = {name.split(".")[1] for name in model.state_dict() if name.startswith("crnn.")}
    assert kinds == {"backbone", "project", "sequence_norm", "rnn", "attention", "summary_norm", "global_norm"}


@pytest.mark.parametrize("sequence", ORDERS)
@pytest.mark.parametrize("attention", ["after", "before", "none"])
@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_every_form_runs_and_learns(sequence, attention, rnn_type):
    model = small(sequence=sequence, attention=attention, rnn_type=rnn_type).train()
    labels = {"style": torch.tensor([0, -1]), "genre": torch.tensor([1, 0])}
    output = model(torch.randn(2, 3, 64, 64), labels=labels)
    output.loss.backward()
    assert {task: tuple(v.shape) for task, v in output.task_logits.items()} == {"style": (2, 3), "genre": (2, 2)}
    assert output.logits is output.task_logits["style"]
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert all("backbone.conv_head" in name or "backbone.norm_head" in name for name in unused)  # timm's forward_head
    if attention != "none":
        assert torch.allclose(output.attentions.flatten(2).sum(2), torch.ones(2, 4), atol=1e-5)
        spatial = (2, 4, 2, 2)
        assert output.attentions.shape == (spatial if sequence != "channels" else (2, 4, 16))


def test_save_and_load_bit_for_bit(tmp_path):
    model = small()
    model.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    assert not again.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    assert again.config.tasks == TASKS and list(again.config.tasks) == ["style", "genre"]
    assert again.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert isinstance(AutoModelForImageClassification.from_pretrained(tmp_path), CrnnForImageClassification)
    trunk = AutoModel.from_pretrained(tmp_path)
    assert isinstance(trunk, CrnnModel)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(trunk(pixels).pooler_output, model(pixels).embeddings)


def test_half_precision_weights_load_as_float32(tmp_path):
    copy.deepcopy(small()).half().save_pretrained(tmp_path)
    model = CrnnForImageClassification.from_pretrained(tmp_path)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("damage", ["missing", "unexpected", "mismatched"])
def test_weights_that_do_not_fit_are_refused(damage, tmp_path):
    small().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    head = tensors.pop("heads.genre.1.bias")
    if damage == "unexpected":
        tensors |= {"heads.genre.1.bias": head, "heads.other": head.clone()}
    if damage == "mismatched":
        tensors["heads.genre.1.bias"] = torch.zeros(7)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"{damage} keys: heads"):
        CrnnForImageClassification.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hiden_size": 8}, "Did you mean 'hidden_size'"),
        ({"sequence": "columns"}, "row_major, boustrophedon, channels"),
        ({"dropout": 1.0}, r"\[0, 1\)"),
        ({"neck": ["conv", "dense"]}, "has dense; its blocks are conv, multi_path"),
        ({"heads": {"style": "deep"}}, "the heads linear, residual_se, stack"),
        ({"heads": {"artist": "stack"}}, "the tasks are style, genre"),
        ({"backbone": "vit_tiny_patch16_224"}, "takes no pictures of 64 pixels"),
        ({"task": "artist"}, "the tasks are style, genre"),
        ({"tasks": {"style": []}}, "without classes"),
        ({"tasks": {"style": ["Baroque", "Cubism", "Baroque"]}}, "the class 'Baroque' of 'style' twice"),
        ({"backbone": "mobilnetv2_100"}, "Did you mean mobilenetv2_100"),
        ({"backbone": "hf-hub:somebody/something"}, "not a timm architecture"),
    ],
)
def test_bad_configurations_say_what_is_accepted(wrong, message):
    with pytest.raises(ModelError, match=message):
        small(**wrong)


def test_pipelines(tiny_classifier):
    model, processor = load_classifier(str(tiny_classifier))
    picture = plain_picture((200, 30, 30), (90, 60))
    with torch.no_grad():
        expected = model(**processor(images=[picture], return_tensors="pt")).task_logits
    one = pipeline("image-classification", model=model, image_processor=processor)(picture)
    assert one[0]["label"] == model.config.tasks["style"][expected["style"].argmax()]
    everything = pipeline("art-attributes", model=str(tiny_classifier))(
        [picture, picture], return_attention=True, top_k=2
    )
    assert len(everything) == 2
    answer = everything[0]
    assert list(answer["tasks"]) == ["style", "genre", "artist"]
    for task, best in answer["tasks"].items():
        assert len(best) == 2
        assert best[0]["score"] == pytest.approx(expected[task].softmax(1).max().item(), abs=1e-6)
    assert answer["attention"].shape == (2, 2) and answer["attention"].sum() == pytest.approx(1, abs=1e-5)


def test_a_pipeline_gives_nothing_for_nothing_and_refuses_a_top_k_that_is_none(tiny_classifier):
    attributes = pipeline("art-attributes", model=str(tiny_classifier))
    assert attributes([]) == []
    for top_k in (-1, 0, 1.5):
        with pytest.raises(ModelError, match="it must be a whole number, at least 1"):
            attributes(plain_picture((200, 30, 30), (90, 60)), top_k=top_k)


def test_pipelines_in_batches_answer_as_one_by_one(tiny_classifier):
    pictures = [plain_picture((r, 30, 60), (90, 60)) for r in (200, 100, 0)]
    model, processor = load_classifier(str(tiny_classifier))
    for kind, options in (("image-classification", {}), ("art-attributes", {"return_attention": True})):
        ask = pipeline(kind, model=model, image_processor=processor)
        single, batched = ask(pictures, **options), ask(pictures, batch_size=2, **options)
        for one, other in zip(single, batched, strict=True):
            if kind == "art-attributes":
                np.testing.assert_allclose(other.pop("attention"), one.pop("attention"), atol=1e-6)
            flat = [[(c["label"], c["score"]) for c in classes] for classes in (scores_of(one), scores_of(other))]
            assert dict(flat[1]) == pytest.approx(dict(flat[0]), abs=1e-6)


def scores_of(answer):
    """The classes of one pipeline's answer, or of all tasks of the other's."""
    return answer if isinstance(answer, list) else [c for classes in answer["tasks"].values() for c in classes]


def test_processor_shows_the_whole_painting(tiny_classifier):
    """Left half red, right half blue, twice as wide as high: the square has both halves in full."""
    wide = np.zeros((40, 80, 3), dtype=np.uint8)
    wide[:, :40, 0], wide[:, 40:, 2] = 255, 255
    processor = AutoImageProcessor.from_pretrained(tiny_classifier)
    pixels = processor(images=[wide], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 64, 64) and pixels.dtype == torch.float32
    red = pixels[0, 0] * 0.229 + 0.485  # ImageNet's deviation and mean
    assert torch.allclose(red[:, :30], torch.ones(64, 30), atol=1e-3)
    assert torch.allclose(red[:, 34:], torch.zeros(64, 30), atol=1e-3)


# --- frozen norms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backbone", ["mobilenetv2_050", "resnet18", "tf_efficientnet_lite0"])
def test_folded_norms_are_the_same_function_with_the_same_gradients(backbone):
    plain = small(backbone=backbone).crnn.backbone
    for module in plain.modules():  # statistics as after training, not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    plain.eval()
    folded = copy.deepcopy(plain)
    assert fold_frozen_norms(folded) == sum(isinstance(m, torch.nn.BatchNorm2d) for m in plain.modules())
    folded.train()  # statistics must stand still even so
    plain, folded = plain.double(), folded.double()  # in float32, kinks of ReLU6 may fall on either side
    pixels = torch.randn(2, 3, 64, 64).double()
    outputs = [network.forward_features(pixels) for network in (plain, folded)]
    torch.testing.assert_close(*outputs)
    for output in outputs:
        output.square().mean().backward()
    gradients = dict(folded.named_parameters())
    for name, parameter in plain.named_parameters():
        assert (parameter.grad - gradients[name].grad).norm() <= 1e-9 * parameter.grad.norm() + 1e-15, name
    assert folded.state_dict().keys() == plain.state_dict().keys()


def test_elsewhere_than_on_a_cpu_norms_are_frozen_and_stay_where_they_are():
    backbone = small().to("meta").crnn.backbone
    assert fold_frozen_norms(backbone) == 0
    norms = [module for module in backbone.train().modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and not any(norm.training for norm in norms)
    assert not any("forward" in vars(module) for module in backbone.modules())


# --- without recurrence ---------------------------------------------------------------------------------------------


def test_without_recurrence_the_sequence_is_averaged_as_it_is():
    config = CrnnConfig(
        backbone="mobilenetv3_small_050", image_size=64, projection_size=0, rnn_type="none", attention="none",
        global_pool=False, tasks={"style": ["a", "b"]},
    )  # fmt: skip
    model = CrnnModel(config).eval()
    assert not any("rnn" in name for name, _ in model.named_parameters())
    pixels = torch.randn(2, 3, 64, 64)
    features = model.features(pixels).flatten(2).transpose(1, 2)
    expected = model.summary_norm(model.sequence_norm(features).mean(dim=1))
    assert torch.allclose(model(pixels).pooler_output, expected, atol=1e-5)
    with pytest.raises(ModelError, match="two recurrent readings"):
        CrnnConfig(rnn_type="none", sequence="rows_and_columns")
