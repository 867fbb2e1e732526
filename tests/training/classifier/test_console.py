from training.classifier import console


def test_the_length_of_a_phase_is_told_once_after_its_first_minute(monkeypatch, capsys):
    seconds = iter([0.0, 30.0, 60.0, 90.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(seconds))
    clock = console.Clock()
    for left in (9, 8, 7):
        clock.tick(left)
    told = capsys.readouterr().err
    assert told == "about 4 min for the other 8 steps, as fast as the first 2\n"


def test_loss_and_scores_are_drawn_with_gaps(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n1,2.5\n2,1.5\n")
    console.draw_progress(tmp_path)
    alone = (tmp_path / console.PROGRESS).read_bytes()
    (tmp_path / "scores.csv").write_text("epoch,style_macro_f1,style_top5\n1,,0.5\n2,0.4,0.6\n")
    console.draw_progress(tmp_path)
    assert alone[:4] == b"\x89PNG" and (tmp_path / console.PROGRESS).read_bytes() != alone
