"""From a Keras model to a SavedModel and back, and the configuration of servers.

Names load on first use, so that configuring a server needs no TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
