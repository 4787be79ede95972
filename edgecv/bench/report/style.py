"""The style sheet of a benchmark's report, beside that of all reports."""

from __future__ import annotations

from typing import Final

CSS: Final = """
main{max-width:1240px}
.verdict .told{margin:0;font-size:17px}
.verdict .told+.told,.verdict ul+.told{margin-top:10px}
.number{color:var(--soft);font-weight:400}
table.bench td small.wrap{min-width:72px}
table.bench tbody th{min-width:180px}
table.bench .tag{font-size:12px;padding:0 8px}
table.bench tr.reference{background:var(--none-soft)}
table.why td.wrap{max-width:none;width:100%}
table.why th:last-child{text-align:left}
.rows{list-style:none;margin:12px 0 0;padding:0}
.rows li+li{margin-top:14px}
.rows .head{display:flex;flex-wrap:wrap;gap:0 14px;justify-content:space-between;font-size:13px;line-height:1.35}
.rows .head b{overflow-wrap:anywhere}
.rows .head span{color:var(--soft)}
.rows svg{margin-top:4px}
svg.axis{margin-top:0}
.legend-title{margin:12px 0 2px;font-size:13px;color:var(--soft)}
.legend-title b{color:var(--pass)}
.legend{list-style:none;margin:0;padding:0;font-size:13px;line-height:1.4}
.legend li{padding:2px 0;overflow-wrap:anywhere}
.legend .number{color:var(--ink);font-weight:600}
.card details{font-size:13px}
svg rect.bench,svg circle.bench{fill:var(--pass)}
svg rect.column.bench{opacity:.55}
svg .quantile{stroke:var(--ink);stroke-width:1.5}
svg .quantile.p90{stroke-dasharray:6 3}
svg .quantile.p99{stroke-dasharray:1.5 3}
svg rect.hollow{fill:none;stroke:var(--soft);stroke-width:1.5}
svg rect.solid{fill:var(--pass)}
svg rect.low{fill:var(--fail)}
svg line.curve.bench{stroke:var(--pass)}
svg line.curve.p50{stroke-dasharray:5 4;opacity:.7}
svg .front{stroke:var(--pass);stroke-width:1.5}
svg .best{fill:var(--pass)}
svg .rest{fill:var(--paper);stroke:var(--soft);stroke-width:1.5}
svg .label{font-size:12px;paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .label.start{text-anchor:start}
svg .label.end{text-anchor:end}
svg .label.middle{text-anchor:middle}
@media(max-width:900px){
table.bench tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(88px,1fr));gap:8px 12px;padding:14px}
table.bench tbody th{grid-column:1/-1;padding:0}
table.bench td{display:block;padding:0;text-align:left}
table.bench td::before{display:block;font-size:12.5px}
table.bench td small.wrap{margin:0;min-width:0}
table.bench td.blank{display:none}
}
"""
