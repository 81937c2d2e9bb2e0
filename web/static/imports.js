// Import pages: files dropped anywhere on the field, what was chosen said aloud, names of items beside their numbers.

const drop = document.getElementById("drop");
const input = document.getElementById("files");

function say() {
  const files = [...input.files];
  const size = files.reduce((sum, file) => sum + file.size, 0);
  document.getElementById("chosen").textContent = files.length ? `${files.map((f) => f.name).join(", ")}: ${(size / 1048576).toFixed(1)} MB` : "";
}

if (drop) {
  input.addEventListener("change", say);
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) { input.files = event.dataTransfer.files; say(); }
    });
  }
}

const titles = new Map([...document.querySelectorAll("#items option")].map((option) => [option.value, option.textContent]));
document.getElementById("columns-form")?.addEventListener("input", (event) => {
  const place = document.getElementById(`${event.target.id}-name`);
  if (place) place.textContent = titles.get(event.target.value.trim()) || "";
});
