"""Draw the charts of an experiment; needs matplotlib, the extra `reproduce`."""

import io
from pathlib import Path
from typing import Any

from rarenmt.errors import SettingError
from rarenmt.reproduce.report import Chart, Report
from rarenmt.storage.files import replace_bytes

FORMATS = ("svg", "png")

SIZE = (6.4, 3.8)
"""Inches."""

STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.alpha": 0.3,
    "svg.hashsalt": "rarenmt",  # the same chart gives the same bytes
}


def draw(report: Report, folder: Path) -> list[Path]:
    """Write SYSTEM-CHART.svg and .png for every chart with more than one point; their paths.

    Raises SettingError where matplotlib is not installed.
    """
    return [
        _save(chart, folder / f"{report.system}-{chart.name}.{ending}", ending)
        for chart in report.charts
        if any(len(curve.points) > 1 for curve in chart.curves)
        for ending in FORMATS
    ]


def _save(chart: Chart, path: Path, ending: str) -> Path:
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise SettingError(
            "drawing needs matplotlib; install it with: pip install 'rarenmt[reproduce]'"
        ) from None
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for curve in chart.curves:
            marker = "o" if len(curve.points) < 30 else ""
            axes.plot(*zip(*curve.points, strict=True), label=curve.name, marker=marker, ms=3.5)
        axes.set(title=chart.title, xlabel=chart.x, ylabel=chart.y)
        if chart.logarithmic:
            axes.set_xscale("log")
        if len(chart.curves) > 1:
            axes.legend(frameon=False, fontsize=9)
        stream = io.BytesIO()
        figure.savefig(stream, format=ending, dpi=150, metadata=_undated(ending))
    replace_bytes(path, stream.getvalue())
    return path


def _undated(ending: str) -> dict[str, None]:
    """Metadata without a date, so that the same chart gives the same bytes."""
    return {"Date": None} if ending == "svg" else {"Software": None}
