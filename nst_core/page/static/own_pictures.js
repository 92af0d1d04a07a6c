function onOwnPictures() {
  const studio = document.querySelector(".studio");
  const page = studio.closest(".gradio-container");
  const chooser = (own) => own.querySelector("input[type=file]");
  studio.addEventListener("click", (event) => {
    if (event.target.matches(".own .input img, .own .use-own"))
      chooser(event.target.closest(".own")).click();
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
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  // A file for the recipe or the start image goes into its own box.
  const hasBox = (event) => event.target.closest(".takes-drops");
  page.addEventListener("dragenter", (event) => {
    if (hasFiles(event) && !hasBox(event)) zones.hidden = false;
  });
  page.addEventListener("dragover", (event) => {
    if (!hasFiles(event) || hasBox(event)) return;
    event.preventDefault();
    for (const zone of zones.children) zone.classList.toggle("over", zone === event.target);
  });
  page.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zones.hidden = true;
  });
  page.addEventListener("drop", (event) => {
    if (zones.hidden || !hasFiles(event)) return;
    event.preventDefault();
    zones.hidden = true;
    const box = event.target.dataset.box || "content";
    const input = chooser(studio.querySelector(`.own:has(#${box})`));
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
