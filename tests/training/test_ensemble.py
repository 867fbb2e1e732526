import pytest
import torch

from artextract_hf.errors import DataError
from artextract_hf.models import CrnnConfig, CrnnForImageClassification, load_classifier
from tests.training.classifier.test_teachers import SMALL, TASKS, classifier, keep
from training.classifier.teachers import Teachers
from training.ensemble import join, main


def test_joined_classifiers_answer_with_the_mean_of_their_logits(tmp_path, monkeypatch):
    lead = classifier(1)
    torch.manual_seed(2)
    other = CrnnForImageClassification(CrnnConfig(tasks=TASKS, **SMALL | {"hidden_size": 4, "image_size": 96})).eval()
    folders = [keep(model, tmp_path / name) for name, model in (("lead", lead), ("other", other))]
    joined = str(tmp_path / "joined")
    monkeypatch.setattr("sys.argv", ["ensemble", "--model", folders[0], "--companions", folders[1], "--out", joined])
    main()
    model, processor = load_classifier(joined)
    assert model.config.companions == [{"hidden_size": 4}] and processor.size["height"] == 64
    pixels = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        answers, taught = model(pixels).task_logits, Teachers([joined], TASKS)(pixels)
        for task, logits in answers.items():
            mean = (lead(pixels).task_logits[task] + other(pixels).task_logits[task]) / 2
            torch.testing.assert_close(logits, mean)
            torch.testing.assert_close(taught[task], mean.softmax(dim=1))


def test_classifiers_that_do_not_fit_together_are_refused(tmp_path):
    lead = keep(classifier(1), tmp_path / "lead")
    fewer = CrnnForImageClassification(CrnnConfig(tasks={"style": TASKS["style"]}, **SMALL))
    with pytest.raises(DataError, match="other classes"):
        join(lead, [keep(fewer, tmp_path / "fewer")])
    channels = CrnnConfig(tasks=TASKS, **SMALL | {"sequence": "channels", "image_size": 96})
    with pytest.raises(DataError, match="channels of 96 px pictures only"):
        join(lead, [keep(CrnnForImageClassification(channels), tmp_path / "channels")])
    pair = keep(join(lead, [lead]), tmp_path / "pair")
    with pytest.raises(DataError, match="pair has companions already"):
        join(lead, [pair])
