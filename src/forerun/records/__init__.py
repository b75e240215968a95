"""Published numbers on public tables, computed again: what was printed, what comes out here, and whether they agree.

>>> from forerun import records
>>> records.get("epoch-huber-beta").expected
0.367172
"""

from forerun.records.checking import Outcome, check, check_all
from forerun.records.listing import outcomes_text, to_dict
from forerun.records.registry import Record, Study, Tolerance, get, names

__all__ = ["Outcome", "Record", "Study", "Tolerance", "check", "check_all", "get", "names", "outcomes_text", "to_dict"]
