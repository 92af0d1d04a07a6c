function onLoad() {
  const studio = document.querySelector(".studio");
  function name() {
    studio.querySelectorAll("#compare img").forEach((image) => {
      image.alt = image.classList.contains("fixed") ? "The stylised picture" : "The photo";
    });
    studio.querySelectorAll("#film video").forEach((film) => {
      film.ariaLabel = "Time-lapse";
    });
    for (const button of studio.querySelectorAll("button.thumbnail-item")) {
      const caption = button.querySelector(".caption-label");
      if (!caption) continue;
      button.ariaLabel = caption.textContent.trim();
      // The strips of photos and paintings are too small for captions.
      if (button.closest(".choices")) button.title = button.ariaLabel;
    }
  }
  name();
  new MutationObserver(name).observe(studio, {
    childList: true,
    characterData: true,
    subtree: true,
  });
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
