"""The report's style sheet. Blue and vermilion (Okabe and Ito) are told apart by every colour vision."""

from __future__ import annotations

from typing import Final

CSS: Final = """
:root{color-scheme:light dark;--ground:#f6f7f9;--paper:#fff;--ink:#16191d;--soft:#5a626c;--line:#dfe3e8;
--rail:#e9ecf0;
--pass:#0060a0;--pass-soft:#e4f0f9;--fail:#b84300;--fail-soft:#fdeee4;--none:#5f6770;--none-soft:#eceef1;
--weak:#7a5c00;--weak-soft:#fbf3d9}
@media(prefers-color-scheme:dark){:root{--ground:#101215;--paper:#181b1f;--ink:#e8eaed;--soft:#a0a8b2;
--line:#2c3138;
--rail:#262b31;--pass:#62b6ee;--pass-soft:#132a3b;--fail:#ff9a5c;--fail-soft:#3a2113;--none:#a0a8b2;
--none-soft:#24282d;--weak:#e3c05a;--weak-soft:#33290d}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:28px 20px 64px}
header p{margin:0;color:var(--soft)}
h1{font-size:30px;line-height:1.2;margin:2px 0 4px;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:19px;margin:44px 0 4px}
h3{font-size:16px;margin:0 0 2px}
h2+p,h3+p{margin-top:0;color:var(--soft);max-width:75ch}
a{color:var(--pass)}
code,pre{font:13px/1.45 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
code{overflow-wrap:anywhere}
.eyebrow{font-size:13px;letter-spacing:.06em;text-transform:uppercase}
.verdict{margin:22px 0 0;padding:18px 22px;border-radius:10px;background:var(--none-soft);
border-left:6px solid var(--none)}
.verdict.passed{background:var(--pass-soft);border-color:var(--pass)}
.verdict.weak{background:var(--weak-soft);border-color:var(--weak)}
.verdict.failed{background:var(--fail-soft);border-color:var(--fail)}
.verdict h2{margin:0;font-size:22px}
.verdict p,.verdict ul{margin:6px 0 0}
.verdict ul{padding-left:20px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:14px 0 0}
.facts div,.card{background:var(--paper);border:1px solid var(--line);border-radius:10px}
.facts div{padding:10px 14px}
.facts dt{color:var(--soft);font-size:13px}
.facts dd{margin:0;font-size:19px;font-weight:600;overflow-wrap:anywhere}
.facts small{display:block;font-size:12.5px;font-weight:400;color:var(--soft)}
.card{padding:16px 18px;margin:14px 0 0;min-width:0}
.plots{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px;margin-top:14px}
.plots .card{margin:0}
.card p.note{margin:10px 0 0;color:var(--soft);font-size:13px}
.scroll{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:10px;
margin-top:12px}
.scroll:focus-visible,summary:focus-visible{outline:2px solid var(--pass);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--soft);padding:10px 14px;font-size:13.5px}
th,td{padding:9px 12px;text-align:right;vertical-align:top;border-top:1px solid var(--line);
white-space:nowrap}
thead th{border-top:0;color:var(--soft);font-weight:500;font-size:13px;vertical-align:bottom}
caption+thead th{border-top:1px solid var(--line)}
th:first-child,td.words{text-align:left}
td.words.wrap{max-width:360px}
.good{color:var(--pass)}
tbody th{font-weight:600;white-space:normal;min-width:150px;overflow-wrap:anywhere}
td.wrap{white-space:normal;min-width:180px;overflow-wrap:anywhere}
td small,th small{display:block;color:var(--soft);font-weight:400;font-size:12.5px}
th small.wrap,td small.wrap{white-space:normal;min-width:112px;max-width:270px;overflow-wrap:break-word}
td small.wrap{margin-left:auto}
.cards th,.cards td{padding:9px}
.pinned tbody th{min-width:0;white-space:nowrap}
.pinned th:first-child{position:sticky;left:0;background:var(--paper);max-width:34vw;overflow:hidden;
text-overflow:ellipsis}
.tag{display:inline-block;padding:1px 9px;border-radius:99px;font-size:13px;font-weight:600;
white-space:nowrap;
background:var(--none-soft);color:var(--none)}
.tag.passed{background:var(--pass-soft);color:var(--pass)}
.tag.weak{background:var(--weak-soft);color:var(--weak)}
.tag.failed{background:var(--fail-soft);color:var(--fail)}
.bad{color:var(--fail);font-weight:600}
.pairs{display:grid;grid-template-columns:minmax(110px,max-content) 1fr;gap:6px 18px;margin:0}
.pairs dt{color:var(--soft)}
.pairs dd{margin:0;overflow-wrap:anywhere}
details{margin-top:10px}
summary{cursor:pointer;color:var(--pass);padding:4px 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--ground);border:1px solid var(--line);
border-radius:8px;padding:12px;margin:8px 0 0;max-height:420px;overflow:auto}
footer{margin-top:44px;color:var(--soft);font-size:13px}
svg{display:block;overflow:visible;margin-top:12px}
svg text{fill:var(--ink);font-size:13px}
svg .value,svg .tick.last,svg .left{text-anchor:end}
svg .name{font-weight:600}
svg .tick{fill:var(--soft);font-size:12px;text-anchor:middle}
svg .tick.first{text-anchor:start}
svg .tick.last{text-anchor:end}
svg .grid{stroke:var(--line);stroke-dasharray:1 3}
svg .track{stroke:var(--line)}
svg .rail{fill:var(--rail)}
svg .bar{fill:var(--pass)}
svg .reference{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 4}
svg .ref-name{fill:var(--soft);font-size:12px;transform:translateX(6px)}
svg .ref-name.left{transform:translateX(-6px)}
svg .whisker,svg .cap{stroke-width:2}
svg line.passed{stroke:var(--pass)}svg line.failed{stroke:var(--fail)}
svg line.weak{stroke:var(--weak)}svg line.not_run{stroke:var(--none)}
svg .dot{stroke:var(--paper);stroke-width:1.5}
svg path.passed,svg rect.passed{fill:var(--pass)}
svg path.failed,svg rect.failed{fill:var(--fail)}
svg path.weak,svg rect.weak{fill:var(--weak)}
svg path.not_run,svg rect.not_run{fill:var(--none)}
svg.anchor{margin:0}
svg .curve{stroke-width:2;stroke-linecap:round}
svg line.train{stroke:var(--none);stroke-dasharray:2 4}svg circle.train{fill:var(--none)}
svg line.validation{stroke:var(--pass)}svg circle.validation{fill:var(--pass)}
svg .break{stroke:var(--fail);stroke-dasharray:4 3}
svg .key{fill:var(--soft);font-size:12px}
@media(max-width:900px){
main{padding:18px 14px 48px}
h1{font-size:25px}
.plots{grid-template-columns:minmax(0,1fr)}
.verdict{padding:14px 16px}
.facts{grid-template-columns:repeat(2,minmax(0,1fr))}
.pairs{grid-template-columns:1fr;gap:0}
.pairs dd{margin-bottom:8px}
table.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table.cards,table.cards caption,table.cards tbody,table.cards tr,table.cards th,table.cards td{display:block}
table.cards tr{border-top:1px solid var(--line);padding:10px 14px}
table.cards th,table.cards td{border:0;padding:3px 0;text-align:right;white-space:normal;display:flex;
gap:14px;
justify-content:space-between}
table.cards th{display:block;text-align:left;font-size:16px}
table.cards td::before{content:attr(data-label);color:var(--soft);text-align:left;flex:none}
table.cards td>span{min-width:0}
table.cards small.wrap{max-width:none;min-width:0}
}
@media print{body{background:#fff}.scroll,.card{break-inside:avoid}}
.curve{fill:none;stroke:var(--pass);stroke-width:2}
.axis{fill:none;stroke:var(--soft)}
.legend{list-style:none;margin:6px 0 0;padding:0;font-size:13px;color:var(--soft)}
figure{margin:0}
figcaption{margin-top:8px;font-size:13px;color:var(--soft);overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:8px}
.pair img{width:100%;border-radius:6px;image-rendering:auto}
"""
