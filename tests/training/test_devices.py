"""Where training runs; two processes under torchrun are in tests/integration/test_torchrun.py."""

import pytest
import torch

from rove_teleop.errors import UsageError
from rove_teleop.training.devices import Place, training_place

CPU = torch.device("cpu")


def test_alone_it_is_the_whole_batch_and_the_module_itself():
    place = Place(CPU)
    module = torch.nn.Linear(2, 2)
    assert place.is_first
    assert place.prepared(module) is module
    assert place.share(7) == slice(0, 7)
    with place.precision():
        assert module(torch.ones(1, 2)).dtype == torch.float32


def test_shares_are_equal_and_make_up_the_batch():
    rows = [list(range(12))[Place(CPU, rank, 3).share(12)] for rank in range(3)]
    assert [row for share in rows for row in share] == list(range(12))
    assert {len(share) for share in rows} == {4}
    with pytest.raises(UsageError, match="128 cannot be dealt out evenly to 3"):
        Place(CPU, 0, 3).share(128)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_a_machine_without_a_gpu_is_one_process_on_its_cpu():
    assert training_place({}) == Place(CPU)
