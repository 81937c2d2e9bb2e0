// The editor: codes by code or words, meanings, edits at the field, autosave, jump and failing edits by key.
import { toast } from "./app.js";

const form = document.getElementById("editor-form");
const fieldsBox = document.getElementById("fields");
const state = document.getElementById("save-state");
const token = form.elements.csrf_token.value;
const SAVE_AFTER = 1500;
const number = (field) => field.name.slice(5);
const fields = () => [...form.querySelectorAll("[name^='item-']")];
const editable = () => fields().filter((field) => !field.readOnly);
const clean = (text) => text.replace(/\r\n/g, "\n").trim();
const was = (field) => form.elements[`was-${number(field)}`]?.value ?? field.value;
// what the server held back waits for another value: it is not sent again and again
const held = (field) => field.dataset.held !== undefined && field.dataset.held === clean(field.value);
const changed = (field) => clean(field.value) !== clean(was(field));
const resolving = new Set();
let leaving = false, running = false, again = null, timer = 0, conflict = false, then = null;

function tell() {
  let count = 0, kept = 0;
  for (const field of fields()) {
    const is = changed(field);
    field.closest(".entry").classList.toggle("changed", is);
    count += is && !held(field);
    kept += is && held(field);
  }
  if (!running) state.textContent = count ? `${count} ${count === 1 ? "item" : "items"} to save` : kept ? `${kept} ${kept === 1 ? "item is" : "items are"} not saved: see the field` : "Everything is saved";
  return count;
}

// ---- what follows from the form: one request at a time, the newest wish last ----------------------------------------
async function live({ save = false, add = "" } = {}) {
  clearTimeout(timer);
  if (conflict) return;
  if (running) { again = { save: save || again?.save, add: add || again?.add }; return; }
  running = true;
  form.setAttribute("aria-busy", "true");
  await Promise.all(resolving);
  const body = new URLSearchParams({ csrf_token: token, version: form.elements.version.value, shown: form.elements.shown.value, save: save ? "1" : "0", why: form.elements.why.value });
  if (add) form.elements.add.value = [form.elements.add.value, add].filter(Boolean).join(",");
  body.set("add", form.elements.add.value);
  const sent = new Map();
  for (const field of fields()) if (!field.readOnly && changed(field) && !(save && held(field))) { sent.set(number(field), field.value); body.set(field.name, field.value); }
  if (save) state.textContent = "Saving…";
  try {
    const answer = await fetch(form.dataset.live, { method: "POST", body, headers: { "X-CSRFToken": token, "Content-Type": "application/x-www-form-urlencoded" } });
    if (answer.status === 409) { conflict = true; leaving = true; form.requestSubmit(); return; }
    if (!answer.ok) then = null;
    if (answer.status === 422) { state.textContent = (await answer.json()).fault || "Not saved"; return; }
    if (!answer.ok) { toast(`The server answered ${answer.status}; what you typed is still here.`); return; }
    show(await answer.json(), save ? sent : new Map());
  } catch { then = null; toast("The server cannot be reached. What you typed is still here."); } finally {
    running = false;
    if (!again) form.removeAttribute("aria-busy");
    const left = tell();
    if (again) { const wish = again; again = null; live(wish); } else if (left) schedule(); else if (then) { const next = then; then = null; next(); }
  }
}

// what leaves the page waits until everything is saved
function whenSaved(next) {
  if (!tell() && !running) { next(); return; }
  then = next;
  live({ save: true });
}
function send(other) {
  leaving = true;
  other.requestSubmit();
}
function complete() {
  whenSaved(() => {
    const target = document.querySelector(".step [name=target][value=complete]");
    if (target) send(target.form); else toast("The case cannot be completed from here.");
  });
}

function schedule() {
  clearTimeout(timer);
  timer = setTimeout(() => live({ save: true }), SAVE_AFTER);
}

function show(answer, saved) {
  const focused = document.activeElement;
  if (answer.fields) swap(answer, saved);
  form.elements.shown.value = answer.shown;
  if (saved.size || answer.saved.length) form.elements.version.value = answer.version;
  for (const [item, value] of saved) {
    const field = form.elements[`item-${item}`];
    if (!(item in (answer.held ?? {}))) delete field?.dataset.held; else { field.dataset.held = clean(value); saved.delete(item); }
  }
  for (const [item, value] of saved) if (form.elements[`was-${item}`]) form.elements[`was-${item}`].value = value;
  for (const [item, value] of Object.entries(answer.items)) {
    const field = form.elements[`item-${item}`];
    if (field && field !== focused && (field.readOnly || !changed(field))) field.value = value;
    if (saved.size && form.elements[`was-${item}`]) form.elements[`was-${item}`].value = value;
  }
  for (const [item, [text, wrong]] of Object.entries(answer.meanings)) {
    const place = document.getElementById(`item-${item}-meaning`);
    if (place && (text || form.elements[`item-${item}`]?.hasAttribute("role"))) { place.textContent = text; place.classList.toggle("meaning-wrong", wrong); }
  }
  for (const entry of fieldsBox.querySelectorAll(".entry")) {
    const faults = answer.faults[entry.dataset.item];
    entry.classList.toggle("has-error", Boolean(faults));
    entry.querySelector(".entry-faults").textContent = faults ? faults.join(" ") : "";
    const field = entry.querySelector(".input");
    if (faults) field.setAttribute("aria-invalid", "true"); else if (!entry.querySelector(".meaning-wrong")) field.removeAttribute("aria-invalid");
  }
  propose(answer.proposals);
  const side = document.getElementById("living");
  const paths = [...side.querySelectorAll(".path")].map((d) => d.open);
  const reasons = new Map([...side.querySelectorAll(".stand[open]")].map((d) => [d.dataset.rule, d.querySelector("[name=reason]").value]));
  const here = side.contains(focused) ? focused.id : "";
  side.innerHTML = answer.side;
  side.querySelectorAll(".path").forEach((d, n) => { d.open = paths[n] ?? false; });
  for (const stand of side.querySelectorAll(".stand")) if (reasons.has(stand.dataset.rule)) { stand.open = true; stand.querySelector("[name=reason]").value = reasons.get(stand.dataset.rule); }
  if (here) document.getElementById(here)?.focus({ preventScroll: true });
}

// what mostly follows stands at the empty field; F3 takes it
function propose(offered) {
  for (const field of editable()) {
    const value = field.value ? "" : offered[number(field)] ?? "", place = document.getElementById(`${field.id}-meaning`);
    if (value) field.dataset.proposal = value; else delete field.dataset.proposal;
    if (!place) continue;
    if (value) place.textContent = `F3 takes ${value}`; else if (place.textContent.startsWith("F3 takes")) place.textContent = "";
  }
}

// other items are needed now: the fields come anew, the typing, the cursor and the place on the screen stay
function swap(answer, saved) {
  const focus = document.activeElement;
  const id = focus?.id, at = focus?.selectionStart, top = focus?.getBoundingClientRect().top;
  const typed = new Map(fields().filter((f) => changed(f) && saved.get(number(f)) !== f.value).map((f) => [f.name, f.value]));
  fieldsBox.innerHTML = answer.fields;
  for (const [name, value] of typed) if (form.elements[name]) form.elements[name].value = value;
  const same = id && document.getElementById(id);
  if (same && same !== document.activeElement) {
    same.focus({ preventScroll: true });
    if (at != null) same.setSelectionRange(at, at);
    scrollBy(0, same.getBoundingClientRect().top - top);
  }
}

// ---- codes by code or by words --------------------------------------------------------------------------------------
const menu = document.getElementById("codes");
let asked = 0, picked = -1, open = null;
const context = () => Object.fromEntries(form.dataset.context.split(",").map((n) => [`c${n}`, form.elements[`item-${n}`]?.value ?? ""]).filter(([, v]) => v));

async function offer(field, all = false) {
  const turn = ++asked;
  const query = new URLSearchParams({ item: number(field), query: all ? "" : field.value, ...context() });
  const answer = await fetch(`${form.dataset.codes}?${query}`);
  if (!answer.ok || turn !== asked || document.activeElement !== field) return;
  const { rows } = await answer.json();
  fill(menu, rows.map((row) => ({ value: row.code, text: row.label, range: row.range })), "codes");
  open = rows.length ? field : null;
  menu.hidden = !rows.length;
  field.setAttribute("aria-expanded", String(!menu.hidden));
  // words lead to the best match at once, a code stays as it is typed
  const exact = rows.findIndex((row) => row.code === field.value.trim().toUpperCase());
  pick(menu, field, exact >= 0 ? exact : /^[A-Za-z ]{2,}$/.test(field.value) || rows.length === 1 ? 0 : -1);
  if (open) place(field);
}

function fill(list, rows, prefix) {
  list.replaceChildren(...rows.map((row, n) => {
    const line = document.createElement("li");
    line.id = `${prefix}-${n}`;
    line.setAttribute("role", "option");
    const code = document.createElement("span");
    code.className = "code";
    code.textContent = row.value;
    line.append(code, ` ${row.text}`);
    line.row = row;
    return line;
  }));
}

function place(field) {
  const box = field.getBoundingClientRect(), base = menu.offsetParent.getBoundingClientRect();
  const below = innerHeight - box.bottom > Math.min(menu.scrollHeight, 320) + 20;
  menu.style.left = `${box.left - base.left}px`;
  menu.style.top = below ? `${box.bottom - base.top + 3}px` : `${box.top - base.top - menu.offsetHeight - 3}px`;
}

function pick(list, field, n) {
  picked = n;
  [...list.children].forEach((line, at) => line.setAttribute("aria-selected", at === n));
  if (n >= 0) { list.children[n].scrollIntoView({ block: "nearest" }); field.setAttribute("aria-activedescendant", list.children[n].id); } else field.removeAttribute("aria-activedescendant");
}

function shut() {
  asked++;
  menu.hidden = true;
  open?.setAttribute("aria-expanded", "false");
  open?.removeAttribute("aria-activedescendant");
  open = null;
  picked = -1;
}

function take(field) {
  const row = menu.children[picked]?.row;
  if (open === field && row && !row.range && field.value.trim().toUpperCase() !== row.value) {
    field.value = row.value;
    document.getElementById(`${field.id}-meaning`).textContent = row.text;
  }
  shut();
}

menu.addEventListener("mousedown", (event) => {
  event.preventDefault();
  const line = event.target.closest("li");
  if (!line || !open) return;
  picked = [...menu.children].indexOf(line);
  const field = open;
  take(field);
  changedAt(field);
});

// ---- typing ---------------------------------------------------------------------------------------------------------
const waits = new WeakMap();
form.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.name?.startsWith("item-")) return;
  tell();
  schedule();
  if (field.getAttribute("role") === "combobox") {
    // what was picked for fewer letters is not what is typed now
    if (open === field) pick(menu, field, -1);
    clearTimeout(waits.get(field));
    waits.set(field, setTimeout(() => (field.value ? offer(field) : shut()), 60));
  }
  const meter = field.closest(".entry")?.querySelector(".meter");
  if (meter) meter.textContent = `${field.value.length} / ${meter.dataset.limit}`;
  if (auto?.checked && event.inputType === "insertText" && isComplete(field)) step(field, 1);
  if (field.tagName === "TEXTAREA") { field.rows = Math.min(10, 1 + Math.ceil(field.value.length / 70)); }
});

function changedAt(field) {
  if (field.getAttribute("role") === "combobox" && (/^[A-Za-z ]{2,}$/.test(field.value) || field.value.trim().length > Number(field.dataset.length))) resolve(field);
  if (field.dataset.date !== undefined) field.value = dated(field.value);
  if (changed(field)) live();
}

// words that were left before the codes came: the best match takes their place
function resolve(field) {
  const words = field.value;
  const query = new URLSearchParams({ item: number(field), query: words, ...context() });
  const done = fetch(`${form.dataset.codes}?${query}`).then((answer) => answer.json()).then(({ rows }) => {
    const exact = (each) => each.code === words.trim().toUpperCase();
    const row = rows.find(exact) ?? rows.find((each) => !each.range);
    const now = document.getElementById(field.id);
    if (row && now.value === words) { now.value = row.code; document.getElementById(`${now.id}-meaning`).textContent = row.label; }
  }).catch(() => {}).finally(() => resolving.delete(done));
  resolving.add(done);
}

// 3/4/2024, 03042024 and 20240304 are the same day
function dated(text) {
  const parts = text.trim().match(/^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/);
  if (parts) return parts[3] + parts[1].padStart(2, "0") + parts[2].padStart(2, "0");
  const iso = text.trim().match(/^(\d{4})-(\d{2})-?(\d{2})?$/);
  return iso ? iso.slice(1).filter(Boolean).join("") : text.trim();
}

form.addEventListener("focusin", (event) => { if (event.target.classList.contains("input") && event.target.tagName === "INPUT") event.target.select?.(); });
form.addEventListener("focusout", (event) => {
  const field = event.target;
  if (!field.name?.startsWith("item-")) return;
  clearTimeout(waits.get(field));
  if (open === field) take(field);
  shut();
  changedAt(field);
});

// with the switch on a code of full length, or a whole date, needs no Enter
const auto = document.getElementById("auto-next");
function isComplete(field) {
  if (field.selectionStart !== field.value.length) return false;
  if (field.dataset.date !== undefined) return /^\d{8}$/.test(field.value);
  return field.getAttribute("role") === "combobox" && field.value.length === Number(field.dataset.length) && /\d/.test(field.value);
}
if (auto) {
  auto.parentElement.hidden = false;
  auto.checked = localStorage.getItem("editor.auto") === "1";
  auto.addEventListener("change", () => localStorage.setItem("editor.auto", auto.checked ? "1" : "0"));
}

// the first field of the next group of items, or of this one and the one before
function group(by) {
  const groups = [...fieldsBox.querySelectorAll(".group")].filter((each) => each.querySelector("[name^='item-']:not([readonly])"));
  const first = (each) => each.querySelector("[name^='item-']:not([readonly])");
  const here = document.activeElement.closest(".group"), at = groups.indexOf(here);
  const next = by < 0 && at >= 0 && first(here) !== document.activeElement ? here : groups[at + by];
  if (next) { const field = first(next); field.scrollIntoView({ block: "center" }); field.focus({ preventScroll: true }); }
}

function step(field, by) {
  const all = editable();
  const next = all[all.indexOf(field) + by];
  if (next) next.focus();
}

form.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.name?.startsWith("item-") || field.tagName === "TEXTAREA") return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (field.getAttribute("role") !== "combobox" || event.ctrlKey || event.altKey) return;
    event.preventDefault();
    if (!open) { offer(field, true); return; }
    const count = menu.children.length;
    pick(menu, field, (picked + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
  } else if (event.key === "Escape" && open) {
    event.stopPropagation();
    shut();
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) return;
    step(field, event.shiftKey ? -1 : 1);
  } else if (event.key === "F3" && field.dataset.proposal && !field.value && !field.readOnly) {
    event.preventDefault();
    field.value = field.dataset.proposal;
    shut();
    tell();
    step(field, 1);
  } else if (event.key === "F4" && field.dataset.unknown && !field.readOnly) {
    event.preventDefault();
    field.value = field.dataset.unknown;
    shut();
    tell();
    step(field, 1);
  }
});

// a text block begins with date and place
form.addEventListener("keydown", (event) => {
  if (event.target.tagName !== "TEXTAREA" || event.key !== "F4") return;
  event.preventDefault();
  const day = form.elements["item-390"]?.value ?? "";
  const text = `${day.length === 8 ? `${day.slice(4, 6)}/${day.slice(6)}/${day.slice(0, 4)}` : "__/__/____"} ${form.dataset.place}: `;
  event.target.setRangeText(text, event.target.selectionStart, event.target.selectionEnd, "end");
  event.target.dispatchEvent(new Event("input", { bubbles: true }));
});

form.addEventListener("submit", (event) => {
  if (event.submitter && !conflict) { event.preventDefault(); live({ save: true }); return; }
  leaving = true;
});
addEventListener("beforeunload", (event) => { if (!leaving && tell()) { live({ save: true }); event.preventDefault(); } });

// ---- failing edits: F8 goes to one end, then to the other, then to the next edit ---------------------------------------
const side = document.querySelector(".editor-side");
let at = -1;
function go(item) {
  const field = document.getElementById(`item-${item}`);
  if (!field) { addItem(item); return; }
  field.scrollIntoView({ block: "center" });
  field.focus({ preventScroll: true });
}
function nextEdit(by) {
  const ends = [...side.querySelectorAll(".finding:not(.finding-stands)")].flatMap((row) => row.dataset.ends.split(",").map((item) => ({ row, item })));
  if (!ends.length) { toast("No edit fails: passes OncoRegistry checks."); return; }
  at = (at + by + ends.length) % ends.length;
  for (const row of side.querySelectorAll(".finding")) row.classList.toggle("is-here", row === ends[at].row);
  ends[at].row.scrollIntoView({ block: "nearest" });
  go(ends[at].item);
}
side.addEventListener("click", (event) => {
  const end = event.target.closest("a.end");
  if (end) { event.preventDefault(); go(end.hash.slice(6)); }
});
side.addEventListener("submit", (event) => {
  if (leaving || (!tell() && !running)) { leaving = true; return; }
  event.preventDefault();
  const rule = event.target.elements.rule?.value;
  whenSaved(() => {
    const asked = event.target.isConnected ? event.target : side.querySelector(`[data-rule="${CSS.escape(rule)}"] form`);
    if (asked) send(asked); else toast("This edit no longer fails.");
  });
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    if (open) take(open);
    if (tell()) live({ save: true }); else toast("Nothing to save.");
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    if (open) take(open);
    complete();
  } else if ((event.ctrlKey || event.altKey) && (event.key === "ArrowDown" || event.key === "ArrowUp") && fieldsBox.contains(event.target)) {
    event.preventDefault();
    group(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "F9" && auto) {
    event.preventDefault();
    auto.click();
    toast(auto.checked ? "A complete code goes on by itself." : "Enter goes on.");
  } else if (event.key === "F8") {
    event.preventDefault();
    nextEdit(event.shiftKey ? -1 : 1);
  } else if (event.key === "F2" || (event.key === "/" && event.target.getAttribute?.("role") === "combobox" && event.target !== jump)) {
    event.preventDefault();
    jump.focus();
  }
});

// ---- jump: every item of the record by number or name --------------------------------------------------------------------
const jump = document.getElementById("jump");
const jumpList = document.getElementById("jump-list");
let known = null, chosen = -1;
jump.parentElement.hidden = false;
async function addItem(item) {
  const ready = new Promise((done) => { const watch = new MutationObserver(() => { if (document.getElementById(`item-${item}`)) { watch.disconnect(); done(); } }); watch.observe(fieldsBox, { childList: true, subtree: true }); });
  live({ add: String(item) });
  await ready;
  go(item);
}
const learn = async () => { known ??= (await (await fetch(form.dataset.items)).json()).rows; };
function matches() {
  if (!known) return;
  const word = jump.value.trim().toLowerCase();
  if (!word) { jumpList.hidden = true; return; }
  const parts = word.split(/\s+/);
  const found = known.filter(([n, name]) => String(n).startsWith(word) || parts.every((part) => name.toLowerCase().includes(part)));
  const here = (n) => Boolean(document.getElementById(`item-${n}`));
  found.sort(([a], [b]) => (String(b) === word) - (String(a) === word) || here(b) - here(a) || a - b);
  fill(jumpList, found.slice(0, 12).map(([n, name]) => ({ value: n, text: here(n) ? name : `${name} (add)` })), "jump");
  jumpList.hidden = !found.length;
  jump.setAttribute("aria-expanded", String(!jumpList.hidden));
  chosen = 0;
  mark();
}
function mark() {
  [...jumpList.children].forEach((line, n) => line.setAttribute("aria-selected", n === chosen));
  const line = jumpList.children[chosen];
  if (line) jump.setAttribute("aria-activedescendant", line.id);
}
async function leap() {
  if (!known) { await learn(); matches(); } // Enter was faster than the list of items
  const row = jumpList.children[chosen]?.row;
  if (!row) { toast(`No item matches “${jump.value}”.`); return; }
  jump.value = "";
  jumpList.hidden = true;
  go(row.value);
}
jump.addEventListener("focus", () => learn().then(matches));
jump.addEventListener("input", matches);
jump.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { jump.value = ""; jumpList.hidden = true; jump.blur(); }
  if (event.key === "Enter") { event.preventDefault(); leap(); }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); const count = jumpList.children.length; if (count) { chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + count) % count; mark(); } }
});
jumpList.addEventListener("mousedown", (event) => { const line = event.target.closest("li"); if (line) { event.preventDefault(); jump.value = ""; jumpList.hidden = true; go(line.row.value); } });
jump.addEventListener("blur", () => { jumpList.hidden = true; });
tell();
if (location.hash.startsWith("#item-")) go(location.hash.slice(6));
