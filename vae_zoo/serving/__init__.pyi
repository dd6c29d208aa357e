from .label_steps import next_step as next_step
from .loading import load as load
from .saved_model import export as export
from .server_config import write_server_config as write_server_config
from .version_labels import served_models as served_models

__all__: list[str]
