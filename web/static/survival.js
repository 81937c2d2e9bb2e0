// The survival page: only choices that matter for the method are shown; texts are copied; the address follows the choices.

import { toast } from "./app.js";

const form = document.getElementById("survival-form");

function fits() {
  const method = form.elements.method.value, window_ = form.elements.window.value;
  for (const part of form.querySelectorAll("[data-for-method]")) part.hidden = !part.dataset.forMethod.split(" ").includes(method);
  for (const part of form.querySelectorAll("[data-for-window]")) part.hidden = !part.dataset.forWindow.split(" ").includes(window_);
  const chosen = form.elements.method.selectedOptions[0];
  document.getElementById("s-method-meaning").textContent = `The share ${chosen.dataset.meaning}.`;
}

if (form) {
  fits();
  form.addEventListener("change", fits);
  // where it is narrow, a page that was asked for something begins with the answer
  if (location.search && matchMedia("(max-width: 60rem)").matches) form.querySelector(".survival-choices").removeAttribute("open");
  // going back in the history shows the page of that address whole
  addEventListener("popstate", () => location.reload());
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText.trim());
  toast("Copied.");
});

offerCopies();
document.body.addEventListener("htmx:afterSwap", offerCopies);

// printed, every chart shows its numbers
addEventListener("beforeprint", () => { for (const table of document.querySelectorAll(".chart-table")) table.open = true; });
