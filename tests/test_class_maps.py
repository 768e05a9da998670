import numpy as np
import pytest

from tssd_keras.class_maps import ASYMMETRIC_MAPS, CIFAR100_SUPERCLASSES, asymmetric_map

pytestmark = pytest.mark.backend_free

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()

# coarse_label of each fine label, as the CIFAR-100 files have them.
CIFAR100_COARSE = np.array(
    [int(c, 20) for c in "4e1"]  # filled below
)
