function onShowResult() {
  document.querySelector(".studio #result").scrollIntoView({ behavior: "smooth" });
}
