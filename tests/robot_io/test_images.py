import numpy as np
import pytest
import simplejpeg

from rove_teleop.errors import MessageRefused

pytest.importorskip("rclpy", reason="needs rclpy, from the ros extra or a sourced ROS 2")

from sensor_msgs.msg import Image

from rove_teleop.robot_io.images import encode_image

HEIGHT, WIDTH = 48, 64


def _picture() -> np.ndarray:
    """Red to the right, green downwards, a blue band: every channel differs."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 200, WIDTH)
    picture[..., 1] = np.linspace(0, 200, HEIGHT)[:, None]
    picture[10:30, :, 2] = 180
    return picture


def _message(pixels: np.ndarray, encoding: str, padding: int = 0) -> Image:
    rows = pixels.reshape(HEIGHT, -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=padded.shape[1], data=padded.tobytes())


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
def test_colours_and_rows_stay_where_they_are(encoding: str, padding: int) -> None:
    picture = _picture()
    pixels = picture if encoding == "rgb8" else picture[..., ::-1]
    decoded = simplejpeg.decode_jpeg(encode_image(_message(pixels, encoding, padding)))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 4.0


def test_grey_images_stay_grey() -> None:
    grey = _picture()[..., :1]
    jpeg = encode_image(_message(grey, "mono8"))
    assert simplejpeg.decode_jpeg_header(jpeg)[2] == "Gray"
    assert np.abs(simplejpeg.decode_jpeg(jpeg, "GRAY").astype(int) - grey).mean() < 3.0


def test_what_cannot_be_stored_is_refused_in_a_sentence() -> None:
    with pytest.raises(MessageRefused, match="encoded as '16UC1', known are rgb8, bgr8, mono8"):
        encode_image(_message(_picture(), "16UC1"))
    for change in ({"height": 0}, {"width": 0}, {"step": 10}, {"height": HEIGHT + 1}, {"width": WIDTH + 9}):
        message = _message(_picture(), "rgb8")
        for name, value in change.items():
            setattr(message, name, value)
        with pytest.raises(MessageRefused, match="is not whole"):
            encode_image(message)
