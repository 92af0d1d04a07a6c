function onReadLink() {
  const app = document.querySelector(".studio").closest("gradio-app");
  // In somebody else's page, the address is that page's, and the tag says what is asked for.
  return app.getAttribute("src") === null ? location.search : (app.dataset.link ?? "");
}
