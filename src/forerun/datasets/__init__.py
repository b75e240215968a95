"""Public tables of runs: which there are, what fits them, and a verified file of each where it can be had.

>>> from forerun import datasets
>>> datasets.get("gadre_overtraining99").law
'gadre-overtraining'
"""

from forerun.datasets.files import path, read
from forerun.datasets.listing import items, to_dict
from forerun.datasets.registry import Dataset, Upstream, get, names

__all__ = ["Dataset", "Upstream", "get", "items", "names", "path", "read", "to_dict"]
