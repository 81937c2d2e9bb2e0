// Draws the page's charts: each place names a Vega-Lite specification that stands in the page as JSON. The specification
// is interpreted and never compiled (the policy allows no eval); colours follow the theme; the table below has the numbers.

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// a custom property holds light-dark(…) as written: a probe tells what it is in the theme in force
function colour(name) {
  const probe = document.createElement("span");
  probe.className = "colour-probe";
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function theme() {
  const ink = colour("--ink"), soft = colour("--ink-soft"), line = colour("--line");
  return {
    background: null,
    font: style("--font"),
    view: { stroke: null },
    axis: { domainColor: line, gridColor: line, tickColor: line, labelColor: soft, titleColor: ink, titleFontWeight: 600, labelFontSize: 12, titleFontSize: 12 },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12 },
    header: { labelColor: ink, titleColor: ink },
    title: { color: ink, anchor: "start", fontSize: 14 },
    text: { color: ink },
    // Okabe and Ito: told apart by everybody
    range: { category: ["#0e7c86", "#d55e00", "#7a68c0", "#b8860b", "#3d7ab8", "#c2568c", "#5f7f3a", "#7d7d7d"] },
  };
}

async function draw(place) {
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  spec.config = { ...theme(), ...(spec.config ?? {}) };
  place.replaceChildren();
  const result = await window.vegaEmbed(place, spec, {
    ast: true,
    actions: false,
    renderer: "svg",
    defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  });
  place.chart = result;
  place.dataset.drawn = "yes";
}

async function drawAll() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    try {
      await draw(place);
    } catch (fault) {
      place.textContent = "The chart could not be drawn; its numbers are in the table.";
      throw fault;
    }
  }
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.body.addEventListener("htmx:afterSwap", (event) => {
  for (const place of event.target.querySelectorAll("[data-chart]:not([data-drawn])")) draw(place);
});
