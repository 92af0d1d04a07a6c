async function onRunEnded() {
  const place = document.querySelector(".gradio-container .studio #result");
  const line = place.querySelector(".status")?.innerText.trim() ?? "";
  if (!/^(Finished|Stopped at step)/.test(line)) return;
  place.querySelector('[role="tab"]').click();
  // The tab is drawn anew.
  await new Promise((done) => setTimeout(done, 200));
  const picture = place.querySelector("#compare img.fixed");
  const handle = place.querySelector('#compare [data-testid="slider"]');
  if (!picture || !handle || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const timing = { duration: 2200, easing: "ease-in-out" };
  picture.animate(
    [
      { clipPath: "inset(0 0 0 100%)" },
      { clipPath: "inset(0 0 0 0)", offset: 0.7 },
      { clipPath: picture.style.clipPath },
    ],
    timing,
  );
  handle.animate(
    [
      { transform: `translateX(${picture.clientWidth}px)` },
      { transform: "translateX(0)", offset: 0.7 },
      { transform: handle.style.transform },
    ],
    timing,
  );
}
