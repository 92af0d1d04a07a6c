function onChosenPictures() {
  const inputs = document.querySelector(".gradio-container .studio #inputs");
  const boxes = { photos: "#content img", paintings: "[id^=style] img" };
  // The last two parts of an address tell a bundled picture from an upload with the name of one.
  const file = /[^/]+\/[^/]+$/;
  function fileOf(image) {
    const name = image.src.match(file)?.[0];
    try {
      // Two widgets may write the address of one file in two ways, as with "(" and "%28".
      return decodeURIComponent(name);
    } catch {
      return name;
    }
  }
  function mark() {
    for (const [strip, box] of Object.entries(boxes)) {
      const shown = new Set();
      for (const image of inputs.querySelectorAll(box)) shown.add(fileOf(image));
      const names = [];
      for (const image of inputs.querySelectorAll(`#${strip} .thumbnail-item img`)) {
        const button = image.closest("button");
        const chosen = shown.has(fileOf(image));
        if (chosen) names.push(image.alt);
        if (chosen !== (button.ariaCurrent === "true")) button.ariaCurrent = chosen ? "true" : null;
      }
      const place = inputs.querySelector(`#${strip}-heading .chosen`);
      const text = names.join(", ");
      if (place && place.textContent !== text) place.textContent = text;
    }
  }
  mark();
  new MutationObserver(mark).observe(inputs, {
    childList: true,
    subtree: true,
    attributeFilter: ["src", "alt"],
  });
}
