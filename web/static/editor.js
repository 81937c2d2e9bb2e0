// The editor's keys and small helps: Ctrl+S saves, / jumps to an item, meanings follow the code, unsaved typing is kept.
import { toast } from "./app.js";

const form = document.getElementById("editor-form");
const state = document.getElementById("save-state");
const fields = [...form.querySelectorAll("[name^='item-']")];
const was = (field) => form.elements[`was-${field.name.slice(5)}`]?.value ?? field.value;
const changed = (field) => field.value.trim() !== was(field).replace(/\r\n/g, "\n").trim();
let leaving = false;

function tell() {
  let count = 0;
  for (const field of fields) {
    const is = changed(field);
    field.closest(".code-field, .text-field").classList.toggle("changed", is);
    count += is;
  }
  if (state) state.textContent = count ? `${count} ${count === 1 ? "item" : "items"} to save` : "Nothing to save";
  return count;
}

// a code system is searched by code or by words: what matches stands in the field's list
async function offer(field) {
  const query = new URLSearchParams({ item: field.dataset.search, query: field.value });
  const answer = await fetch(`${form.dataset.codes}?${query}`);
  if (!answer.ok) return;
  const { rows } = await answer.json();
  document.getElementById(field.getAttribute("list")).replaceChildren(...rows.map((row) => {
    const option = document.createElement("option");
    option.value = row.code;
    option.textContent = `${row.code} ${row.label}`;
    return option;
  }));
}

const waiting = new Map();
async function explain(field) {
  const place = document.getElementById(`${field.id}-meaning`);
  if (!place || !field.hasAttribute("list")) return;
  if (field.dataset.search) await offer(field);
  const query = new URLSearchParams({ item: field.name.slice(5), value: field.value });
  const answer = await fetch(`${form.dataset.meaning}?${query}`);
  if (answer.ok) place.textContent = await answer.text();
}

form.addEventListener("input", (event) => {
  tell();
  clearTimeout(waiting.get(event.target));
  waiting.set(event.target, setTimeout(() => explain(event.target), 150));
});

form.addEventListener("submit", () => { leaving = true; });
addEventListener("beforeunload", (event) => { if (!leaving && state && tell()) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    if (!state) return;
    if (tell()) form.requestSubmit(); else toast("Nothing to save.");
  }
});

const jump = document.getElementById("jump");
jump.hidden = false;
jump.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { jump.value = ""; jump.blur(); }
  if (event.key !== "Enter") return;
  event.preventDefault();
  const word = jump.value.trim().toLowerCase();
  const label = [...form.querySelectorAll("label[for^='item-']")].find((l) => l.htmlFor === `item-${word}`)
    || [...form.querySelectorAll("label[for^='item-']")].find((l) => l.textContent.toLowerCase().includes(word));
  if (label) { const field = document.getElementById(label.htmlFor); field.focus(); field.select(); jump.value = ""; }
  else toast(`No item here matches “${jump.value}”.`);
});
tell();
