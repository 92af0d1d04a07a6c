const LONG = 600;
let agreed = false;
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.(".gradio-container .studio :is(#start, #refine)");
    const line = element.querySelector(".cost");
    if (!button || agreed || Number(line.dataset.seconds) <= LONG) return;
    event.stopPropagation();
    const dialog = element.querySelector("dialog");
    dialog.querySelector("p").textContent =
      `This will take ${line.textContent.toLowerCase()}. You can stop it at any time and keep what there is.`;
    dialog.addEventListener(
      "close",
      () => {
        if (dialog.returnValue !== "yes") return;
        agreed = true;
        button.click();
        agreed = false;
      },
      { once: true },
    );
    dialog.returnValue = "no";
    dialog.showModal();
  },
  true,
);
