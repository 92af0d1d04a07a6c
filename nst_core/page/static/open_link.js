function onOpenLink() {
  return document.querySelector(".studio #open-link").dataset.query;
}
