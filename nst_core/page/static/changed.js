function onChanged() {
  clearTimeout(window.nstChanged);
  window.nstChanged = setTimeout(() => {
    const studio = document.querySelector(".gradio-container .studio");
    studio?.querySelector("#changed")?.click();
    if (!studio?.querySelector("#live input")?.checked) return;
    studio.querySelector("#preview")?.click();
    // On a phone the strips are above the picture, which would be painted out of view.
    const line = studio.querySelector("#result .status");
    if (innerWidth < 768 && line.getBoundingClientRect().bottom > innerHeight)
      line.scrollIntoView({ block: "end", behavior: "smooth" });
  }, 150);
}
