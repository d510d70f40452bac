import dataclasses

from rove_teleop.models.card import model_card
from rove_teleop.models.checkpoint import load_checkpoint
from rove_teleop.policy.local import shipped_checkpoint

HEADER = load_checkpoint(shipped_checkpoint("toaster")).header


def test_a_card_says_everything_that_the_header_says():
    provenance = HEADER.provenance | {"data.revision": "7c1f", "note": "a | b\nc"}
    card = model_card(dataclasses.replace(HEADER, provenance=provenance), {"success": "0.61 [0.54, 0.67]"})
    for text in ("toaster", "right_wrist_roll", "slot_yaw_rad", "16 points 0.05 s apart", "none: plain imitation"):
        assert text in card
    for key, value in HEADER.provenance.items():
        assert f"| {key.removeprefix('settings.')} | {value} |" in card
    assert "## Data\n\n| | |\n|---|---|\n| revision | 7c1f |" in card
    assert "| success | 0.61 [0.54, 0.67] |" in card
    assert "| note | a \\| b c |" in card


def test_a_card_says_what_nobody_knows_and_how_it_is_decoded():
    tagged = dataclasses.replace(HEADER, condition_classes=2, beta=1.5, provenance={})
    assert "negative, positive, decoded with beta 1.5" in model_card(tagged)
    assert "## Data\n\nNothing is known." in model_card(tagged)
