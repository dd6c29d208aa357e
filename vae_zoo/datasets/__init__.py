"""Data sets by name, from array files or from folders as `tf.data` in [0, 1].

Names load on first use, so that `datasets.names` needs no TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
