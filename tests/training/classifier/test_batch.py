import torch

from tests.training.classifier.test_teachers import TASKS, classifier
from training.classifier.batch import Batch, MapBatch


def test_pieces_are_the_batch_cut_in_order():
    labels = {"style": torch.tensor([0, 1, 2, -1, 0])}
    mixed = [(labels, 0.75), ({"style": labels["style"].flip(0)}, 0.25)]
    batch = MapBatch(torch.arange(5.0)[:, None], mixed, {"style": torch.rand(5, 3)})
    pieces = [batch.piece(number, 2) for number in range(2)]
    assert [len(piece.inputs) for piece in pieces] == [2, 3]
    assert all(isinstance(piece, MapBatch) and piece.targets[1][1] == 0.25 for piece in pieces)
    assert torch.equal(torch.cat([piece.inputs for piece in pieces]), batch.inputs)
    assert torch.equal(torch.cat([piece.labels["style"] for piece in pieces]), labels["style"])
    assert torch.equal(torch.cat([piece.targets[1][0]["style"] for piece in pieces]), mixed[1][0]["style"])
    assert torch.equal(torch.cat([piece.answers["style"] for piece in pieces]), batch.answers["style"])


def test_maps_are_classified_as_the_views_that_they_were_made_of():
    model, pixels = classifier(0), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole = Batch(pixels, []).classify(model).task_logits
        kept = MapBatch(model.crnn.features(pixels), []).classify(model).task_logits
    assert all(torch.allclose(whole[task], kept[task], atol=1e-5) for task in TASKS)
