"""The README's picture of the network model can be drawn anew, and every panel shows something."""

import numpy as np
from network_model_picture import PANELS, TARGET, draw


def test_every_panel_is_drawn(tmp_path):
    figure = draw(tmp_path / "model.png")
    assert (tmp_path / "model.png").stat().st_size < 250_000
    assert len(figure.axes) == len(PANELS)
    for ax in figure.axes:
        lines = [line.get_xydata() for line in ax.get_lines()]
        assert len(lines) >= 2, ax.get_title(loc="left")
        assert not any(np.array_equal(lines[0], other, equal_nan=True) for other in lines[1:])


def test_the_picture_is_there():
    assert TARGET.read_bytes().startswith(b"\x89PNG")
