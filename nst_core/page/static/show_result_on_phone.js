function onShowResultOnPhone() {
  if (innerWidth < 768) {
    document.querySelector(".studio #result").scrollIntoView({ behavior: "smooth" });
  }
}
