function onChanged() {
  clearTimeout(window.nstChanged);
  window.nstChanged = setTimeout(() => {
    const page = document.querySelector(".gradio-container:has(.studio)");
    page?.querySelector("#changed")?.click();
    if (!page?.querySelector("#live input")?.checked) return;
    page.querySelector("#preview")?.click();
    // On a phone the strips are above the picture, which would be painted out of view.
    const line = page.querySelector("#result .status");
    if (innerWidth < 768 && line.getBoundingClientRect().bottom > innerHeight)
      line.scrollIntoView({ block: "end", behavior: "smooth" });
  }, 150);
}
