// The review by keyboard: arrows beside j and k, the reason field takes the cursor when it opens, Escape gives it back.

const $ = (selector, root = document) => root.querySelector(selector);
const busy = (target) => target.closest?.("input, textarea, select, .table-scroll, dialog[open]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.key === "Escape" && event.target.closest(".second[open]")) {
    const details = event.target.closest(".second");
    details.open = false;
    $("summary", details).focus();
  } else if (!busy(event.target) && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    $(event.key === "ArrowRight" ? "a[rel=next]" : "a[rel=prev]")?.click();
  }
});

$(".second")?.addEventListener("toggle", (event) => { if (event.target.open) $("input[name=why]", event.target).focus(); });

// a decision is sent once, however often the key is pressed
document.addEventListener("submit", (event) => {
  if (!event.target.closest(".verdict, .done-line")) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });
