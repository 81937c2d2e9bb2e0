// The atlas: only choices that matter are shown; the address follows the choices; texts are copied.

import { toast } from "./app.js";

const form = document.getElementById("atlas-form");

function fits() {
  for (const part of form.querySelectorAll("[data-for-classes]")) part.hidden = part.dataset.forClasses !== form.elements.classes.value;
}

if (form && form.elements.classes) {
  fits();
  form.addEventListener("change", fits);
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
