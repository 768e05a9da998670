import keras
import pytest


@pytest.fixture(scope="module")
def undrawn_by_keras():
    """Uniform kernels, which keras.applications draws and ours replace, are nought: it takes long.

    Our own convolutions are normal.
    """
    draw, zeros = keras.initializers.VarianceScaling.__call__, keras.initializers.Zeros()

    def drawn(self, shape, dtype=None):
        if self.distribution == "uniform" and len(shape) == 4:
            return zeros(shape, dtype)
        return draw(self, shape, dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.initializers.VarianceScaling, "__call__", drawn)
        yield
