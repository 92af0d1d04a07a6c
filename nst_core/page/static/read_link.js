function onReadLink() {
  const app = document.querySelector(".gradio-container .studio").closest("gradio-app");
  const button = app.querySelector("#open-link");
  // In somebody else's page, the address is that page's, and the tag says what is asked for.
  const own = app.getAttribute("src") === null;
  button.dataset.query = own ? location.search : (app.dataset.link ?? "");
  if (button.dataset.query) button.click();
}
