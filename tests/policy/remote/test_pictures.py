import numpy as np
import pytest

from rove_teleop.policy.remote.pictures import resize_with_pad

from .peers import needs_openpi, run_openpi


@pytest.mark.parametrize(
    "shape", [(480, 640, 3), (640, 480, 3), (10, 10, 3), (1, 3000, 3), (224, 224, 3), (100, 224, 3)]
)
def test_a_picture_lies_in_the_middle_of_a_black_square(shape):
    resized = resize_with_pad(np.full(shape, 90, np.uint8), 224)
    assert resized.shape == (224, 224, 3)
    assert resized.dtype == np.uint8
    covered = (resized[:, :, 0] == 90).mean()
    assert covered == pytest.approx(min(shape[:2]) / max(shape[:2]), abs=0.01)
    np.testing.assert_array_equal(resized[111, 111], 90)


@needs_openpi
def test_it_is_close_to_what_openpis_client_makes():
    rows, columns = np.mgrid[:480, :640]
    smooth = 127.0 + 60.0 * np.sin(rows / 40.0) + 60.0 * np.cos(columns / 30.0)
    picture = np.repeat(smooth[:, :, None], 3, axis=2).astype(np.uint8)
    script = (
        "import sys, numpy as np; from openpi_client.image_tools import resize_with_pad as r; "
        "p = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(480, 640, 3); "
        "sys.stdout.buffer.write(r(p, 224, 224).tobytes())"
    )
    theirs = np.frombuffer(run_openpi(script, stdin=picture.tobytes()), np.uint8).reshape(224, 224, 3)
    difference = np.abs(resize_with_pad(picture, 224).astype(int) - theirs)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) <= 4
