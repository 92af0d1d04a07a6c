function onOwnPictures() {
  const studio = document.querySelector(".studio");
  const page = studio.closest(".gradio-container");
  studio.addEventListener("click", (event) => {
    if (event.target.matches(".own .input img, .own .use-own"))
      event.target.closest(".own").querySelector("input[type=file]").click();
  });

  const zones = document.createElement("div");
  zones.className = "drop-zones";
  zones.hidden = true;
  for (const [name, text] of [
    ["content", "Drop here: the photo"],
    ["style", "Drop here: the painting"],
  ]) {
    const zone = document.createElement("div");
    zone.dataset.box = name;
    zone.textContent = text;
    zones.append(zone);
  }
  studio.append(zones);
  page.addEventListener("dragenter", (event) => {
    // A file for the recipe or the start image goes into its own box.
    if (event.dataTransfer?.types.includes("Files") && !event.target.closest?.(".takes-drops"))
      zones.hidden = false;
  });
  page.addEventListener("dragover", (event) => {
    if (zones.hidden) return;
    event.preventDefault();
    for (const zone of zones.children) zone.classList.toggle("over", zone === event.target);
  });
  page.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zones.hidden = true;
  });
  page.addEventListener("drop", (event) => {
    if (zones.hidden) return;
    event.preventDefault();
    zones.hidden = true;
    const box = event.target.dataset.box || "content";
    const input = studio.querySelector(`#${box} input[type=file]`);
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
