// What every page does: keys, command palette, rows that open, toasts, the warning before a session ends.

const $ = (selector, root = document) => root.querySelector(selector);
const typing = (target) => target.matches?.("input, textarea, select, [contenteditable]");

// on a narrow screen the menu starts closed; without this script it stays open and usable
if (matchMedia("(max-width: 60rem)").matches) $(".side-menu")?.removeAttribute("open");

export function toast(text) {
  const line = document.createElement("div");
  line.className = "toast-line";
  line.textContent = text;
  $("#toasts").append(line);
  setTimeout(() => line.remove(), 5000);
}

// ---- rows: a click anywhere opens what the row's link opens ----------------------------------------------------
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input, label, summary") && !getSelection().toString()) location.href = row.dataset.href;
  const opener = event.target.closest("[data-open]");
  if (opener) openDialog(opener.dataset.open);
});

// ---- command palette -------------------------------------------------------------------------------------------
let commands = null;
const palette = $("#palette");
for (const button of document.querySelectorAll(".palette-open")) button.hidden = false;

async function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  if (id !== "palette") return;
  if (!commands) commands = (await (await fetch($("#palette-list").dataset.source, { headers: { Accept: "application/json" } })).json()).rows;
  $("#palette-input").value = "";
  showCommands();
}

function showCommands() {
  const list = $("#palette-list");
  const words = $("#palette-input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = commands.filter((c) => words.every((w) => `${c.label} ${c.group} ${c.words}`.toLowerCase().includes(w)));
  const items = found.map((c) => ({ ...c, kind: "page" }));
  if (words.length && $(".top-search")) items.push({ label: `Search cases for “${$("#palette-input").value}”`, kind: "search", group: "Cases" });
  list.replaceChildren(...items.map((item, n) => {
    const row = document.createElement("li");
    row.id = `palette-${n}`;
    row.setAttribute("role", "option");
    row.append(item.label);
    const note = document.createElement("small");
    note.textContent = item.keys ? `${item.group} · ${item.keys}` : item.group;
    row.append(note);
    row.addEventListener("click", () => run(item));
    row.item = item;
    return row;
  }));
  choose(0);
}

function choose(n) {
  const rows = [...$("#palette-list").children];
  if (!rows.length) return;
  const wanted = rows[(n + rows.length) % rows.length];
  for (const row of rows) row.setAttribute("aria-selected", row === wanted);
  wanted.scrollIntoView({ block: "nearest" });
  $("#palette-input").setAttribute("aria-activedescendant", wanted.id);
}

const chosen = () => [...$("#palette-list").children].findIndex((row) => row.getAttribute("aria-selected") === "true");

function run(item) {
  palette.close();
  if (item.kind === "page") { location.href = item.href; return; }
  $("#top-search").value = $("#palette-input").value;
  $(".top-search").requestSubmit();
}

$("#palette-input")?.addEventListener("input", showCommands);
$("#palette-input")?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") choose(chosen() + 1);
  else if (event.key === "ArrowUp") choose(chosen() - 1);
  else if (event.key === "Enter") { const row = $("#palette-list").children[chosen()]; if (row) run(row.item); }
  else return;
  event.preventDefault();
});

// ---- keys --------------------------------------------------------------------------------------------------------
let first = "";
let firstAt = 0;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); openDialog("palette"); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || $("dialog[open]")) return;
  if (event.key === "/") { event.preventDefault(); ($("[data-slash]") || $("#top-search"))?.focus(); return; }
  if (event.key === "?") { openDialog("keys-help"); return; }
  const pair = Date.now() - firstAt < 1200 ? `${first} ${event.key}` : event.key;
  const named = (keys) => [...document.querySelectorAll("[data-keys]")].find((a) => a.dataset.keys === keys);
  const link = named(pair) || named(event.key);
  if (link) { event.preventDefault(); link.click(); first = ""; return; }
  first = event.key;
  firstAt = Date.now();
});

// ---- htmx: an answer that is an error becomes a toast, never silence ----------------------------------------------
document.body.addEventListener("htmx:responseError", (event) => toast(event.detail.xhr.status === 403 ? "Not permitted." : `The server answered ${event.detail.xhr.status}; nothing was changed.`));
document.body.addEventListener("htmx:sendError", () => toast("The server cannot be reached. What you typed is still here."));

// ---- the session ends: say so before, never lose typing ------------------------------------------------------------
const idle = Number(document.body.dataset.idle || 0);
if (idle) {
  const last = () => setTimeout(() => toast("You will be signed out in one minute without a request. Save, or open a page, to stay."), Math.max(idle * 60 - 60, 5) * 1000);
  let timer = last();
  document.body.addEventListener("htmx:afterRequest", () => { clearTimeout(timer); timer = last(); });
}
