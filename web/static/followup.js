// The reply desk by keyboard and scanner: a scanner types a number and Enter; a line appears with the cursor in its outcome.

const $ = (selector, root = document) => root.querySelector(selector);
const desk = $("#desk");
const message = (text) => { $("#scan-message").textContent = text; };

async function scan(input) {
  const text = input.value.trim();
  if (!text) return;
  const form = new FormData($("#desk-form"));
  form.set("scan", text);
  input.value = "";
  message("");
  const answer = await fetch(input.dataset.source, { method: "POST", body: form });
  if (!answer.ok) { message(`The server answered ${answer.status}; scan again.`); input.focus(); return; }
  const part = document.createElement("template");
  part.innerHTML = `<table><tbody>${(await answer.text()).trim()}</tbody></table>`;
  const row = part.content.querySelector("tr");
  if (row.dataset.fault) { message(row.dataset.fault); input.focus(); return; }
  $("#reply-lines").prepend(row);
  $("[data-first]", row).focus();
}

function save() { $("#save-replies").click(); }

if (desk) {
  desk.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.key === "Enter" && target.id === "scan") {
      event.preventDefault();
      if (target.value.trim()) scan(target); else save();
    } else if (event.key === "Enter" && target.closest(".reply") && target.tagName !== "BUTTON" && target.tagName !== "SUMMARY") {
      // Enter ends the line: the next slip can be scanned
      event.preventDefault();
      $("#scan").focus();
    } else if (event.key === "Escape" && target.closest(".reply")) {
      $("#scan").focus();
    }
  });
  desk.addEventListener("click", (event) => {
    const drop = event.target.closest("[data-drop]");
    if (drop) { drop.closest("tr").remove(); $("#scan").focus(); }
    if (event.target.closest("#scan-add")) { event.preventDefault(); scan($("#scan")); }
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { event.preventDefault(); save(); }
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "desk") return;
    ($(".has-fault [data-first]") || $("#scan")).focus();
  });
  // what was typed and not saved is not lost by a stray key
  window.addEventListener("beforeunload", (event) => { if ($(".reply")) event.preventDefault(); });
}

document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
