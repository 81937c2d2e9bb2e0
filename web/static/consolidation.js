// Accounts side by side by keyboard: j and k walk the items, a number picks an account's value, the reason follows, u takes back.

const $ = (selector, root = document) => root.querySelector(selector);
const form = $("#choose");
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => !row.hidden);
const typing = (target) => target.matches?.("input, textarea, select");
let here = null;

function goTo(row, focus = true) {
  if (!row) return;
  here?.classList.remove("is-here");
  here = row;
  row.classList.add("is-here");
  if (focus) row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

// ---- a value is picked, its reason written, then it is sent ------------------------------------------------------------
const pick = form && $("[data-pick]", form);
const said = form && $("[data-what]", form);
if (form) said.textContent = said.dataset.none;

function stop() {
  $(".picked")?.classList.remove("picked");
  pick.disabled = true;
  form.classList.remove("is-picking");
  for (const button of form.querySelectorAll("[data-confirm], [data-cancel]")) button.hidden = true;
  said.textContent = said.dataset.none;
}

function choose(button) {
  stop();
  goTo(button.closest("[data-row]"), false);
  button.closest("td").classList.add("picked");
  pick.disabled = false;
  pick.value = button.value;
  form.classList.add("is-picking");
  for (const other of form.querySelectorAll("[data-confirm], [data-cancel]")) other.hidden = false;
  said.textContent = `${here.dataset.name} of ${button.dataset.of}: why?`;
  $("#why").focus();
}

if (form) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pick[name=pick]");
    if (button) { event.preventDefault(); choose(button); }
  });
  $("[data-cancel]", form).addEventListener("click", () => { stop(); here?.focus(); });
  // nothing picked: Enter in the reason sends nothing; and a choice is sent once, however often the key is pressed
  form.addEventListener("submit", (event) => {
    const undo = event.submitter?.name === "undo";
    if (form.dataset.sent || (!undo && pick.disabled)) { event.preventDefault(); return; }
    if (undo) pick.disabled = true;
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => { delete form.dataset.sent; });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape") {
    if (form && !pick.disabled) { stop(); here?.focus(); }
    else if (event.target.matches("[data-slash]")) { event.target.value = ""; filter(""); goTo(here ?? rows()[0]); }
    return;
  }
  if (typing(event.target)) return;
  const all = rows();
  if (event.key === "j" || event.key === "k") {
    const at = all.indexOf(here);
    goTo(all[at < 0 ? 0 : Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), all.length - 1)]);
  } else if (/^[1-9]$/.test(event.key) && here) {
    const button = $(`button.pick[data-n="${event.key}"]`, here);
    if (button) { event.preventDefault(); choose(button); }
  } else if (event.key === "u") {
    (here && $("[data-undo]", here) || $("#undo-last"))?.click();
  }
});

// ---- the search narrows as one types; Enter goes to the first that is left -----------------------------------------------
const search = $("[data-slash]");
function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of document.querySelectorAll("[data-row]")) row.hidden = !words.every((word) => row.dataset.text.includes(word));
  for (const body of document.querySelectorAll(".sides tbody")) body.hidden = !$("[data-row]:not([hidden])", body);
  const nothing = $("[data-nothing]");
  if (nothing) nothing.hidden = rows().length > 0;
}
search?.addEventListener("input", () => filter(search.value));
search?.form.addEventListener("submit", (event) => { if (rows().length) { event.preventDefault(); goTo(rows()[0]); } });

goTo(location.hash.startsWith("#item-") ? document.getElementById(location.hash.slice(1)) : $("[data-row].is-open, [data-row].differs"), location.hash !== "");
window.addEventListener("hashchange", () => goTo(document.getElementById(location.hash.slice(1))));
