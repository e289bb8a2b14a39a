"""What the checks of `jaxmath.verify` return: verdicts, one entry per thing checked, a report."""

import dataclasses
import enum
from collections.abc import Sequence

__all__ = ["Entry", "Report", "Verdict"]


class Verdict(enum.StrEnum):
    """What a check concluded, from harmless to damning: the order of definition.

    OK < INCONCLUSIVE < ILL_CONDITIONED < NONSMOOTH < NAN < WRONG, compared by `severity`.

    Numerics:
        OK: error ≤ bound, and the bound is small enough that a wrong sign or factor would show.
        INCONCLUSIVE: the finite difference did not converge, or the error is within 4 bounds.
        ILL_CONDITIONED: rounding in the rule's own dtype could hide a wrong sign or factor.
        NONSMOOTH: the one-sided derivatives differ, or f ends at the point (√x at 0).
        NAN: f, or the rule where the difference is finite, is not finite.
        WRONG: the rule and the function disagree by more than rounding and truncation explain.

    Example:
        >>> Verdict.WRONG.severity > Verdict.OK.severity, str(Verdict.ILL_CONDITIONED)
        (True, 'ILL-CONDITIONED')
    """

    OK = "OK"
    INCONCLUSIVE = "INCONCLUSIVE"
    ILL_CONDITIONED = "ILL-CONDITIONED"
    NONSMOOTH = "NONSMOOTH"
    NAN = "NAN"
    WRONG = "WRONG"

    @property
    def severity(self) -> int:
        """The position in the order of definition: 0 for OK, 5 for WRONG."""
        return list(Verdict).index(self)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One thing checked: a leaf of the arguments in one mode, or one transform of the function.

    |rule − truth| = error, to be held against bound; both in the unit of `scale`.

    Args:
        path: the leaf, as in "args[0]['w']"; for a transform, the leaf of the output.
        mode: "fwd", "rev", or "fwd-over-rev" and so on; for a transform its name.
        order: the order of the derivative; 0 for a transform.
        error: the discrepancy where it is worst relative to its bound.
        bound: what truncation and rounding explain at that place.
        scale: the size of the derivative (or of the output) there.
        verdict: the conclusion.
        note: why, in words; empty for a plain OK.

    Example:
        >>> Entry("args[0]", "rev", 1, 1.0, 1e-6, 2.0, Verdict.WRONG).ratio > 1e5
        True
    """

    path: str
    mode: str
    order: int
    error: float
    bound: float
    scale: float
    verdict: Verdict
    note: str = ""

    @property
    def ratio(self) -> float:
        """error / bound: the error in units of what it may be; 0 where both are 0."""
        if self.error == 0:
            return 0.0
        return self.error / self.bound if self.bound > 0 else float("inf")

    @property
    def _rank(self) -> tuple[int, float]:
        ratio = self.ratio
        return self.verdict.severity, ratio if ratio == ratio else float("inf")


@dataclasses.dataclass(frozen=True)
class Report:
    """The evidence that a check gathered; true exactly when every entry is OK.

    verdict = max over entries of entry.verdict; OK where there is none

    Args:
        name: the function that was checked.
        entries: one `Entry` per thing checked.

    Numerics:
        `str` gives a summary line and an aligned table, the worst entries first.

    Example:
        >>> report = Report("f", (Entry("args[0]", "fwd", 1, 0.0, 1e-6, 1.0, Verdict.OK),))
        >>> bool(report), str(report.verdict), report.worst.path
        (True, 'OK', 'args[0]')
    """

    name: str
    entries: tuple[Entry, ...]

    def __bool__(self) -> bool:
        return self.verdict is Verdict.OK

    @property
    def worst(self) -> Entry:
        """The entry of the worst verdict; among equals, that of the largest error / bound.

        ValueError where there is no entry.
        """
        if not self.entries:
            raise ValueError(f"the report of {self.name} has no entries, so none is the worst")
        return max(self.entries, key=lambda entry: entry._rank)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all entries; OK where there is none."""
        return self.worst.verdict if self.entries else Verdict.OK

    @property
    def failures(self) -> tuple[Entry, ...]:
        """The entries that are not OK, worst first."""
        failed = [entry for entry in self.entries if entry.verdict is not Verdict.OK]
        return tuple(sorted(failed, key=lambda entry: entry._rank, reverse=True))

    def __str__(self) -> str:
        if not self.entries:
            return f"{self.verdict}: {self.name}, no entries"
        num_ok = sum(entry.verdict is Verdict.OK for entry in self.entries)
        worst = self.worst
        where = f"{worst.path} ({worst.mode})"
        summary = (
            f"{self.verdict}: {self.name}, {num_ok} of {len(self.entries)} entries OK, "
            f"worst error/bound {worst.ratio:.2g} at {where}"
        )
        header = ("leaf", "mode", "order", "error", "bound", "scale", "verdict", "note")
        ranked = sorted(self.entries, key=lambda entry: entry._rank, reverse=True)
        return "\n".join([summary, *_align([header, *map(_row, ranked)])])


def _row(entry: Entry) -> tuple[str, ...]:
    numbers = (f"{value:.2e}" for value in (entry.error, entry.bound, entry.scale))
    verdict = str(entry.verdict)
    return (entry.path, entry.mode, str(entry.order), *numbers, verdict, entry.note)


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines
