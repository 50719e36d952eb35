"""A run as one page that needs nothing else: the verdict, the timeline, the story, the numbers. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from jinja2 import Environment, StrictUndefined

from lab.watch.run import LaneSummary, Run
from lab.watch.timeline import SIGNS, longest_gap, story, timeline

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
RULINGS = {"valid": "✓", "invalid": "✗"}  # any other word is shown as what is not known

STYLE = """
body{margin:0 auto;max-width:1320px;padding:28px 32px 60px;background:#fff;color:#1a1a1a;
  font:18px/1.45 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
h1{font-size:34px;line-height:1.2;margin:0 0 4px} h2{font-size:24px;margin:40px 0 10px} p{margin:4px 0}
.when{color:#4a4a4a} .lead{font-size:22px;margin:18px 0}
.ruling{border-left:10px solid;margin-top:16px;padding:10px 18px;background:#f4f6f8;max-width:70em}
.ruling strong{font-size:22px}
.valid{border-color:#00735a} .invalid{border-color:#b84a00;border-left-style:double} .unknown{border-color:#767676}
.drawing{overflow-x:auto} .drawing svg{display:block;width:100%;min-width:1160px}
.key{display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:14px 0 0;list-style:none;font-size:16px}
.key li{display:flex;align-items:center;gap:8px}
.story{list-style:none;padding:0;margin:0}
.story li{display:grid;grid-template-columns:38px 4em 7em 1fr;gap:0 14px;align-items:center;
  padding:3px 8px;border-radius:6px;overflow-wrap:anywhere}
.story li.lit,.story li:target{background:#fdf0d5} .story svg{display:block} .story .who{font-weight:700}
table{border-collapse:collapse;font-variant-numeric:tabular-nums} .wide{overflow-x:auto}
th,td{padding:7px 7px;text-align:right;white-space:nowrap;border-bottom:1px solid #d5d9dd}
thead th{border-bottom:2px solid #1a1a1a}
th:first-child{text-align:left;padding-left:4px} .bad{font-weight:700;color:#8a2f00} .time{text-align:right}
svg text{font:16px system-ui,"Segoe UI","DejaVu Sans",sans-serif;fill:#1a1a1a}
svg .name,svg .gap,svg .longest{font-weight:700} svg .longest,svg .none{text-anchor:end}
svg .number{fill:#fff;font-weight:700;font-size:15px;text-anchor:middle}
svg .gap{fill:#8a2f00;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:5px;stroke-linejoin:round}
svg .axis{text-anchor:middle} svg .axis,svg .none{fill:#4a4a4a} .grid{stroke:#d5d9dd}
.band{fill:#4c97c9} .break{fill:url(#hatch);stroke:#8a2f00;stroke-width:2}
.tick{stroke:#1a1a1a;stroke-width:1.5;fill:#fff} .line{fill:none;stroke-width:2}
a:focus{outline:none} a:focus .shape,.lit .shape{stroke:#1a1a1a;stroke-width:3} .lit .line{stroke-width:5}
"""

# Whoever points at a sentence sees its line, and the other way round.
SCRIPT = """
document.querySelectorAll("[data-event]").forEach(function (one) {
  ["mouseenter", "mouseleave", "focusin", "focusout"].forEach(function (kind) {
    one.addEventListener(kind, function () {
      document.querySelectorAll('[data-event="' + one.dataset.event + '"]').forEach(function (same) {
        same.classList.toggle("lit", kind === "mouseenter" || kind === "focusin");
      });
    });
  });
});
"""

TEMPLATE = """<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>
<title>{{ run.lab }}: {{ "%.0f"|format(run.seconds) }} s watched</title><style>{{ style|safe }}</style></head>
<body>
<svg width="0" height="0" style="position:absolute" aria-hidden="true"><pattern id="hatch" width="7" height="7"
patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0H7V7H0Z" fill="#fff"/>
<path d="M0 0H3V7H0Z" fill="#d9702a"/></pattern></svg>
{% macro sign(tone, number="") %}<svg viewBox="-20 -20 40 40" width="36" height="36" aria-hidden="true">
<path d="{{ signs[tone][3] }}" fill="{{ signs[tone][1] }}" class="shape"/>
<text y="5" class="number">{{ number }}</text></svg>{% endmacro %}
<header><h1>{{ headline }}</h1>
<p class="when">Lab <b>{{ run.lab }}</b>, watched for {{ "%.1f"|format(run.seconds) }} s from {{ when }}</p>
<section class="ruling {{ kind }}" aria-label="Verdict">
<p><strong>{{ mark }} Verdict: {{ run.judgement.ruling }}</strong></p>
{% for reason in run.judgement.reasons %}<p>{{ reason }}</p>
{% endfor %}
{% if run.judgement.checked %}<p>Looked for: {{ run.judgement.checked|join("; ") }}.</p>{% endif %}
</section></header>
<main>
<h2>What was seen</h2>
<div class="drawing">{{ drawing|safe }}</div>
<ul class="key" aria-label="Key">
{% for tone in signs %}<li>{{ sign(tone) }} {{ signs[tone][0] }}</li>{% endfor %}
<li><svg width="34" height="20" aria-hidden="true"><path class="band" d="M0 0H34V20H0Z"/></svg> served</li>
<li><svg width="20" height="28" aria-hidden="true"><path class="break" d="M1 1H19V27H1Z"/></svg> gap: no service</li>
<li><svg width="6" height="12" aria-hidden="true"><path class="tick" d="M3 1V11"/></svg> request failed</li>
<li><svg width="10" height="10" aria-hidden="true"><circle class="tick" cx="5" cy="5" r="3"/></svg>
no answer to a change</li>
</ul>
<h2>What happened</h2>
{% if story %}<ol class="story">
{% for number, event in story %}<li id="event-{{ number }}" data-event="{{ number }}" value="{{ number }}">
{{ sign(event.tone, number) }}<span class="time">{{ "%.2f"|format(event.at) }} s</span>
<span class="who">{{ event.who }}</span><span>{{ event.says }}</span></li>
{% endfor %}</ol>{% else %}<p>Nothing happened.</p>{% endif %}
<h2>In numbers</h2>
{% if run.lanes %}<div class="wide"><table>
<thead><tr><th scope="col">Lane</th><th scope="col">Requests</th><th scope="col">Failed</th>
<th scope="col">Unknown</th>
<th scope="col">Median</th><th scope="col">Longest gap</th><th scope="col">Downtime</th><th scope="col">MTTR</th>
<th scope="col">Degraded</th><th scope="col">Available</th>
</tr></thead>
<tbody>{% for lane in run.lanes %}<tr><th scope="row">{{ lane.name }}</th><td>{{ "{:,}".format(lane.operations) }}</td>
<td>{{ "{:,}".format(lane.failed) }}</td><td>{{ "{:,}".format(lane.unknown) }}</td><td>{{ median(lane) }}</td>
<td{% if lane.gaps %} class="bad"{% endif %}>{{ longest_gap(lane) }}</td><td>{{ "%.2f s"|format(lane.downtime) }}</td>
<td>{{ "%.2f s"|format(lane.mttr) if lane.mttr else "none" }}</td><td>{{ "%.1f %%"|format(100 * lane.degraded) }}</td>
<td>{{ available(lane) }}</td></tr>
{% endfor %}</tbody></table></div>{% else %}<p>No lane was watched.</p>{% endif %}
</main><script>{{ script|safe }}</script></body></html>
"""


def page(run: Run) -> str:
    """The whole page. Whatever a lab or its services said is shown as text, never as markup."""
    # Only what this module and the drawing wrote themselves is marked safe in the template.
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    ruling = run.judgement.ruling
    written = environment.from_string(TEMPLATE).render(
        run=run,
        style=STYLE,
        script=SCRIPT,
        drawing=timeline(run),
        signs=SIGNS,
        headline=_headline(run),
        when=_when(run.started),
        kind=ruling if ruling in RULINGS else "unknown",
        mark=RULINGS.get(ruling, "?"),
        story=story(run),
        median=_median,
        longest_gap=longest_gap,
        available=lambda lane: _available(lane, run.seconds),
    )
    # Control characters and halves of characters may come from any answer; no document may contain them.
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", written)


def _headline(run: Run) -> str:
    """The run in one sentence."""
    if not run.lanes:
        return "Nothing was watched"
    worst = max(run.lanes, key=lambda lane: lane.longest_gap)
    if not worst.gaps:
        return "Every lane was served all the time"
    hit = sum(bool(lane.gaps) for lane in run.lanes)
    longest = longest_gap(worst).replace("≥", "at least")
    return f"{hit} of {len(run.lanes)} lanes had gaps; {worst.name} waited longest: {longest}"


def _when(started: str) -> str:
    """For people, if it is a time at all."""
    try:
        return f"{datetime.fromisoformat(started):%d %B %Y, %H:%M:%S} UTC"
    except ValueError:
        return started


def _median(lane: LaneSummary) -> str:
    return f"{lane.median * 1000:.0f} ms" if lane.operations > lane.failed + lane.unknown else "\N{EN DASH}"


def _available(lane: LaneSummary, seconds: float) -> str:
    """The share of the run that was no gap, rounded down: 100 % is said only of a lane without gaps."""
    if seconds <= 0:
        return "\N{EN DASH}"
    return f"{int(max(1 - lane.downtime / seconds, 0) * 10_000 + 1e-6) / 100:.2f} %"
