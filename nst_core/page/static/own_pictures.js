function onOwnPictures() {
  const PHOTO = /\.(heic|heif|hif|tiff?|avif)$/i;
  const studio = document.querySelector(".gradio-container .studio");
  const page = studio.closest(".gradio-container");
  studio.addEventListener("click", (event) => {
    if (event.target.matches(".own .input img, .own .use-own"))
      event.target.closest(".own").querySelector("input[type=file]").click();
  });
  // Gradio refuses a file whose kind the browser does not know, as that of IMG_1.HEIC.
  studio.addEventListener(
    "change",
    (event) => {
      const input = event.target;
      if (!input.matches(".own input[type=file]")) return;
      const files = [...input.files];
      if (files.every((file) => file.type || !PHOTO.test(file.name))) return;
      const transfer = new DataTransfer();
      for (const file of files)
        transfer.items.add(new File([file], file.name, { type: file.type || "image/heic" }));
      input.files = transfer.files;
    },
    true,
  );

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
