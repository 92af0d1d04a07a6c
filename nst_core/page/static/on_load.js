function onLoad() {
  // Both tabs: a strip on either has captions.
  const app = document.querySelector(".gradio-container .studio").closest(".gradio-container");
  function nameImages() {
    app.querySelectorAll("#compare img").forEach((image) => {
      image.alt = image.classList.contains("fixed") ? "The stylised picture" : "The photo";
    });
    app.querySelectorAll("#film video").forEach((film) => {
      film.ariaLabel = "Time-lapse";
    });
    for (const button of app.querySelectorAll("button.thumbnail-item")) {
      const caption = button.querySelector(".caption-label");
      if (!caption) continue;
      button.ariaLabel = caption.textContent.trim();
      // The strips of photos and paintings are too small for captions.
      if (button.closest(".choices")) button.title = button.ariaLabel;
    }
  }
  nameImages();
  new MutationObserver(nameImages).observe(app, {
    childList: true,
    characterData: true,
    subtree: true,
  });
  // Browsers ignore `download` on a link to another origin, as those of an embedded app are.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[download]");
    if (!link?.href.includes("/gradio_api/file=") || link.origin === location.origin) return;
    event.preventDefault();
    const file = document.createElement("a");
    file.href = URL.createObjectURL(await (await fetch(link.href)).blob());
    file.download = link.download;
    file.click();
    setTimeout(() => URL.revokeObjectURL(file.href), 10000);
  });
}
