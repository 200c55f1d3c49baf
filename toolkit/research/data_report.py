"""`Report`: findings in people's own data that show themselves in a notebook; it finds nothing."""

from __future__ import annotations

from toolkit.research.data_findings import Findings


class Report(Findings):
    """The validation report of own data. Displaying it shows a page with a picture of each instrument."""

    def _repr_html_(self) -> str:
        from toolkit.research.data_pictures import report_page  # late: who trades on it draws nothing

        return report_page(self)
