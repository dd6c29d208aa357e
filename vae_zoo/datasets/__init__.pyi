from .few_labels import with_few_labels as with_few_labels
from .loading import (
    load as load,
    open_held_out as open_held_out,
    open_source as open_source,
    open_sources as open_sources,
)
from .names import check_name as check_name
from .source import Source as Source

__all__: list[str]
