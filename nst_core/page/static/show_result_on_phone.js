function onShowResultOnPhone() {
  if (innerWidth < 768) {
    document
      .querySelector(".gradio-container .studio #result")
      .scrollIntoView({ behavior: "smooth" });
  }
}
