"""Evidence."""

from jaxmath.verify.gradients import check_gradients
from jaxmath.verify.report import Entry, Report, Verdict
from jaxmath.verify.transforms import check_transforms

__all__ = ["Entry", "Report", "Verdict", "check_gradients", "check_transforms"]
