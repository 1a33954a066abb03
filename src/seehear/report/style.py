"""How the page looks: at phone and at desktop width, light or dark as the reader's system is."""

STYLE = """
:root { --ink: #1c2430; --soft: #5a6472; --paper: #ffffff; --shade: #f2f4f7; --line: #d8dde4; --mark: #2a6fb0;
  --good: #1d7a46; --bad: #b3382c; --printed: #8a6212; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa4b2; --paper: #14181e; --shade: #1e242d; --line: #343c48; --mark: #6fb1ea;
    --good: #5cc98c; --bad: #f08a7d; --printed: #e0b459; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
main.wide { max-width: 74rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 0.6rem; padding-top: 0.8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.8rem 0 0.4rem; }
a { color: var(--mark); }
nav ul { margin: 1rem 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; }
p { margin: 0.6rem 0; max-width: 44rem; }
.lead { color: var(--soft); font-size: 1.05rem; }
figure { margin: 1rem 0; }
figcaption { color: var(--soft); font-size: 0.9rem; text-align: left; padding: 0.3rem 0; }
.plot svg { width: 100%; height: auto; display: block; }
.plot text { font-family: system-ui, sans-serif !important; }
.strip { display: flex; flex-wrap: wrap; gap: 4px; }
.strip img { width: 96px; height: auto; border-radius: 4px; display: block; }
.strip > div { width: 96px; }
.strip small { display: block; color: var(--soft); font-size: 0.85rem; line-height: 1.3; }
.strip.wide > div { width: calc(33.3% - 4px); min-width: 15rem; flex-grow: 1; }
.strip.wide img { width: 100%; }
.sound { margin-bottom: 0.3rem; }
.sound audio { width: 100%; max-width: 26rem; display: block; }
.clip { display: inline-block; width: calc(50% - 0.6rem); min-width: 15rem; margin-right: 0.5rem; vertical-align: top; }
.clip video { width: 100%; background: #000; border-radius: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 0; font-size: 0.94rem; margin: 0.6rem 0; }
th, td { padding: 0.35rem 0.9rem 0.35rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.table { min-width: min(100%, 20rem); }
.table > figcaption { max-width: 44rem; contain: inline-size; }
.number small { white-space: nowrap; }
.wide .scroll th:first-child, .wide .scroll td:first-child { position: sticky; left: 0; }
.wide .scroll th:first-child, .wide .scroll td:first-child { background: var(--paper); }
td.under > details { position: sticky; left: 0; width: fit-content; max-width: min(100%, calc(100vw - 2rem)); }
td small, th small { display: block; font-weight: 400; font-size: 0.8rem; color: var(--soft); }
td { vertical-align: top; }
th { vertical-align: bottom; }
tr.over td { border-bottom: 0; padding-bottom: 0; }
td.under { padding: 0 0 0.3rem; }
details { font-size: 0.86rem; }
details > summary { color: var(--soft); cursor: pointer; }
details pre { margin: 0.3rem 0; }
.commands { white-space: pre-wrap; overflow-wrap: anywhere; }
.commands code { display: block; padding-left: 2ch; text-indent: -2ch; }
.beside { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 2rem; }
.beside > * { flex: 0 1 auto; max-width: 100%; min-width: 0; }
.beside > figure:not(.table) { flex: 1 1 22rem; max-width: min(100%, 30rem); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--least)), 1fr)); gap: 0 2rem; }
.grid > * { min-width: 0; }
.grid > .clip { width: auto; min-width: 0; margin-right: 0; }
.printed { border: 1px dashed var(--printed); border-radius: 6px; padding: 0.2rem 1rem 0.6rem; margin: 0.8rem 0; }
.printed > h3 { color: var(--printed); margin-top: 0.6rem; }
.beside > .printed { min-width: min(100%, 24rem); }
.beside > .printed > p, .beside > .printed > h3 { contain: inline-size; }  /* as wide as its table */
.printed p { font-size: 0.9rem; }
.printed td { font-style: italic; }
.card { border-left: 4px solid var(--line); padding: 0.1rem 0 0.1rem 1rem; margin: 1.4rem 0; }
.card.good { border-color: var(--good); }
.card.bad { border-color: var(--bad); }
.card > p { font-weight: 600; }
.card > small { display: block; color: var(--soft); }
.badge { font-size: 0.82rem; font-weight: 600; padding: 0.1rem 0.5rem; border-radius: 1rem; background: var(--shade); }
.good > .badge { color: var(--good); }
.bad > .badge { color: var(--bad); }
.bars svg { width: 100%; height: auto; display: block; }
.bars text { font-size: 12px; fill: currentColor; }
.bars .zero { stroke: var(--soft); stroke-dasharray: 3 3; }
.bars .thick { stroke: var(--mark); stroke-width: 5; opacity: 0.6; }
.bars .thin { stroke: var(--mark); stroke-width: 1.5; }
.bars circle { fill: var(--mark); }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
th.number { white-space: normal; }
pre { background: var(--shade); padding: 0.8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: 0.86rem; }
@media (max-width: 34rem) {
  .clip { width: 100%; margin-right: 0; }
}
"""
