function onOpenLink() {
  return document.querySelector(".gradio-container .studio #open-link").dataset.query;
}
