// Lists: lines that can be added, moved and removed; the item's title and codes beside what is typed; printing.

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

const titles = new Map([...document.querySelectorAll("datalist option")].map((option) => [option.value, option.textContent]));
const source = document.querySelector("[data-codes]")?.dataset.codes;
const known = new Map();

async function codesOf(item) {
  if (!known.has(item)) {
    const answer = await fetch(`${source}?${new URLSearchParams({ item })}`, { headers: { Accept: "application/json" } });
    known.set(item, answer.ok ? await answer.json() : { rows: [] });
  }
  return known.get(item);
}

async function explain(line) {
  const item = line.querySelector("[data-item]").value.trim();
  const place = line.querySelector("[data-meaning]");
  const value = line.querySelector("[data-value]");
  if (place) place.textContent = titles.get(item) || "";
  if (!value || !item || !source) return;
  const { rows } = await codesOf(item);
  const id = `codes-${item}`;
  if (rows.length && !document.getElementById(id)) {
    const list = document.createElement("datalist");
    list.id = id;
    list.append(...rows.map(({ code, label }) => Object.assign(document.createElement("option"), { value: code, textContent: label })));
    document.body.append(list);
  }
  if (rows.length) value.setAttribute("list", id); else value.removeAttribute("list");
  const hit = rows.find(({ code }) => code === value.value.trim());
  if (place && hit) place.textContent = `${titles.get(item) || ""}: ${hit.label}`;
}

function number(group) {
  const name = group.dataset.lines;
  [...group.querySelectorAll("[data-line]")].forEach((line, n) => {
    for (const field of line.querySelectorAll("[name]")) {
      const stem = field.name.replace(/-\d+$/, "");
      const label = line.querySelector(`label[for="${field.id}"]`);
      field.name = field.id = `${stem}-${n}`;
      if (label) { label.htmlFor = field.id; if (name === "col") label.textContent = `Column ${n + 1}`; }
    }
    line.querySelector("[data-meaning]")?.setAttribute("for", `${name === "col" ? "col" : "where-name"}-${n}`);
  });
}

for (const group of document.querySelectorAll("[data-lines]")) {
  const pattern = group.querySelector("[data-line]").cloneNode(true);
  for (const hidden of group.querySelectorAll("[data-add], [data-remove], [data-tools]")) hidden.hidden = false;
  group.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]");
    if (event.target.closest("[data-add]")) {
      const fresh = pattern.cloneNode(true);
      for (const field of fresh.querySelectorAll("input")) { field.value = ""; field.removeAttribute("value"); }
      for (const hidden of fresh.querySelectorAll("[data-remove], [data-tools]")) hidden.hidden = false;
      const lines = group.querySelectorAll("[data-line]");
      lines[lines.length - 1].after(fresh);
      number(group);
      fresh.querySelector("input").focus();
    } else if (line && event.target.closest("[data-remove]")) {
      if (group.querySelectorAll("[data-line]").length > 1) line.remove();
      else for (const field of line.querySelectorAll("input")) field.value = "";
      number(group);
    } else if (line && event.target.closest("[data-up]")) {
      line.previousElementSibling?.before(line);
      number(group);
    } else if (line && event.target.closest("[data-down]")) {
      line.nextElementSibling?.after(line);
      number(group);
    }
  });
  group.addEventListener("input", (event) => { const line = event.target.closest("[data-line]"); if (line) explain(line); });
  for (const line of group.querySelectorAll("[data-line]")) if (line.querySelector("[data-item]").value) explain(line);
}
