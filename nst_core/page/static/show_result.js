function onShowResult() {
  document
    .querySelector(".gradio-container .studio #result")
    .scrollIntoView({ behavior: "smooth" });
}
