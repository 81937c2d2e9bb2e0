"use strict";
// Draws what geo.layers decided: colours, marks and words come ready-made; text is only ever set as text, never as HTML.
function drawAtlas(map, areas, data) {
  const layers = [];
  const parts = { current: 0, focus: 0 };
  areas.eachLayer((layer) => { layers[layer.feature.properties.i] = layer; });

  function fillOf(frame, i) {
    const status = frame.status[i];
    if (status === "s") return "url(#hatch)";
    if (status === "n") return data.noData;
    return status === "u" ? "url(#dots-" + frame.k[i] + ")" : data.colours[frame.k[i]];
  }

  function words(name, lines) {
    const box = document.createElement("div");
    const head = box.appendChild(document.createElement("strong"));
    head.textContent = name;
    for (const [term, text] of lines) {
      const row = box.appendChild(document.createElement("div"));
      if (term) row.appendChild(document.createElement("span")).textContent = term + ": ";
      row.appendChild(document.createTextNode(text));
    }
    return box;
  }

  function show(index) {
    parts.current = index;
    const frame = data.frames[index];
    layers.forEach((layer, i) => {
      layer.setStyle({ fillColor: fillOf(frame, i), fillOpacity: 1, color: data.border, weight: 0.6, opacity: 1 });
      const path = layer.getElement();
      if (path) path.setAttribute("aria-label", [data.names[i], ...frame.lines[i].map((l) => l.filter(Boolean).join(" "))].join(", "));
    });
    document.querySelectorAll("[data-class]").forEach((cell) => {
      cell.textContent = frame.counts[cell.dataset.class];
    });
    const label = document.getElementById("frame-label");
    if (label) label.textContent = frame.label;
  }

  // the hatch and the dotted class colours live in one SVG beside the map
  const home = map.getPane("overlayPane").querySelector("svg");
  if (home) home.insertBefore(document.getElementById("marks"), home.firstChild);

  layers.forEach((layer, i) => {
    layer.bindTooltip(() => words(data.names[i], data.frames[parts.current].lines[i]), { sticky: true });
    layer.on("mouseover", () => layer.setStyle({ weight: 2 }));
    layer.on("mouseout", () => layer.setStyle({ weight: 0.6 }));
    const path = layer.getElement();
    if (!path) return;
    path.setAttribute("role", "img");
    path.setAttribute("tabindex", i === 0 ? "0" : "-1");
    path.addEventListener("focus", () => { parts.focus = i; layer.setStyle({ weight: 3 }); layer.openTooltip(layer.getBounds().getCenter()); });
    path.addEventListener("blur", () => { layer.setStyle({ weight: 0.6 }); layer.closeTooltip(); });
    path.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      path.setAttribute("tabindex", "-1");
      const next = layers[(i + step + layers.length) % layers.length].getElement();
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  });

  for (const cluster of data.clusters) {
    L.geoJson(cluster.shape, { interactive: true, style: { fill: false, color: data.cluster, weight: 3, dashArray: "6 3" } })
      .bindTooltip(() => words(cluster.lines[0][1], cluster.lines.slice(1)), { sticky: true })
      .addTo(map);
  }

  const slider = document.getElementById("frame");
  if (slider) slider.addEventListener("input", () => show(Number(slider.value)));
  show(data.frames.length - 1);
}
